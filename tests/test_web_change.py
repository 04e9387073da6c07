"""What if, as the server answers it: interventions where a setting is live, a new start where it is not."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb import effects, store, what_if
from simweb.models import Race, Scenario
from simweb.workers import pool
from tests.web import isolated, shown

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alone(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


def changed(client: Client, ref: str, **given: str) -> dict[str, Any]:
    answer = client.post(f"/s/{ref}/what-if/", given)
    assert answer.status_code == 302, shown(answer.content.decode())
    race = Race.objects.get(id=answer["Location"].removeprefix("/s/").partition("/")[0])
    return Scenario.objects.get(id=race.scenarios[1]).raw


def test_a_live_setting_changes_at_the_moment_shown(client: Client) -> None:
    given = {"node": "web", "view": "read", "do": "race", "t": "110000000000", "s:web.cpus": "0.5"}
    raw = changed(client, "docker-on-linux", **given)
    assert raw["interventions"] == [{"at": "110 s", "on": "web", "do": "set", "settings": {"cpus": 0.5}}]
    assert "0.5" in raw["label"]["en"]
    assert raw["label"]["zh-hans"] != raw["label"]["en"]


def test_any_other_setting_changes_from_the_start(client: Client) -> None:
    given = {"node": "vm1", "view": "boot", "do": "race", "t": "110000000000", "s:vm1.vcpus": "3"}
    raw = changed(client, "linux-on-kvm", **given)
    assert "interventions" not in raw
    assert simcore.scenario(raw).nodes["vm1"].settings["vcpus"] == 3


def test_a_branch_of_reads_is_raced_from_the_first_read_on(client: Client) -> None:
    given = {"node": "vm1", "view": "read", "do": "race", "t": "0", "s:vm1.disk": "ide"}
    answer = client.post("/s/linux-on-kvm/what-if/", given)
    race = Race.objects.get(id=answer["Location"].removeprefix("/s/").partition("/")[0])
    assert (race.start, answer["Location"].partition("?")[2]) == ("first-request", "")


@pytest.mark.parametrize(("before_it", "start"), [(1_000, "host-ready"), (-1_000, "first-request")])
def test_a_change_in_mid_run_is_in_sight_where_its_race_starts(
    client: Client, before_it: int, start: str
) -> None:
    found = store.find("docker-on-linux")
    assert found is not None
    original = store.keep(store.chosen(found, "read"), found.seed, found.origin_on(None))
    pool().result(store.start(store.Plan((original,))))
    record = store.record_of(original)
    assert record is not None
    starts = record.outcome["starts"]
    moment = starts["first-request"] - before_it
    given = {"node": "web", "view": "read", "do": "race", "t": str(moment), "s:web.cpus": "0.5"}
    answer = client.post("/s/docker-on-linux/what-if/", given)
    race = Race.objects.get(id=answer["Location"].removeprefix("/s/").partition("/")[0])
    assert race.start == start
    assert f"t={moment - starts[start]}" in answer["Location"]


def test_a_fault_is_an_intervention_too(client: Client) -> None:
    raw = changed(client, "linux-on-kvm", node="vm1", view="boot", do="fail:kill", t="9000000000")
    assert raw["interventions"] == [{"at": "9 s", "on": "vm1", "do": "fail", "fault": "kill"}]
    assert raw["label"] == {
        "en": "A Linux guest under KVM — Virtual machine killed",
        "zh-hans": "KVM 上的 Linux 客户机 — 虚拟机被杀",
    }


def test_the_race_waits_to_be_played_where_the_change_is(client: Client) -> None:
    given = {"node": "vm1", "view": "boot", "do": "fail:kill", "t": "9000000000"}
    answer = client.post("/s/linux-on-kvm/what-if/", given)
    assert "#" not in answer["Location"]


def test_layers_are_called_as_in_the_drawing(client: Client) -> None:
    """Two kernels of one kind: whose it is, and one sentence for both where both differ by the same."""
    off = {"s:guest-os.mitigations": "off", "was:guest-os.mitigations": "auto"}
    words, changes = noted(client, "linux-on-kvm", node="guest-os", **off)
    assert "Linux (guest): Mitigations" in words
    off = {"s:host-os.mitigations": "off", "was:host-os.mitigations": "auto"}
    words, changes = noted(client, "linux-on-kvm", node="host-os", changes=changes, **off)
    assert "Linux (host): Mitigations" in words
    raw = changed(client, "linux-on-kvm", node="host-os", view="call", do="race", changes=changes)
    assert raw["label"]["en"].endswith(" — Linux (guest), Linux (host): Mitigations off")
    branch = next(row for row in Scenario.objects.all() if row.raw == raw)
    killed = changed(client, branch.id, node="host-os", view="call", do="fail:kill", t=str(NOON))
    rows = (branch, next(row for row in Scenario.objects.all() if row.raw == killed))
    for row in rows:
        pool().result(store.start(store.Plan((row,))))
    labels = {effect.id: effect.label for effect in effects.effects_of(rows, "en")}
    assert labels["host-os"] == "Linux (host)"
    assert labels["guest-os"] == "Linux (guest)"
    assert labels["vm1"] == "Virtual machine"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("-3", "CPU limit: -3 is outside 0.01 to 1024."),
        ("abc", "CPU limit: abc cannot be read as a quantity here. Write it like: 0.5."),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_is_no_change(client: Client, typed: str, says: str) -> None:
    given = {"view": "read", "t": str(NOON), "node": "web", "s:web.cpus": typed, "was:web.cpus": ""}
    for verb in ("note", "race", "fail:kill"):
        html = client.post("/s/docker-on-linux/what-if/", {**given, "do": verb}).content.decode()
        words = shown(html)
        assert says in words
        assert "interventions" not in words
        assert "Changes so far" not in words
        field = re.search(r'<input id="w-web.cpus"[^>]*>', html)
        assert field is not None
        assert f'value="{typed}" aria-invalid="true" aria-describedby="wrong-web.cpus"' in field[0]
        assert 'id="wrong-web.cpus"' in html
        assert re.search('id="what-if-race"[^>]* aria-disabled="true"', html)
        assert "They cannot race before" in words
    assert Scenario.objects.count() == 0


def test_choices_and_times_are_written_as_one_reads_them(client: Client) -> None:
    """In the form, among the changes and in the name; typed either way, a time is the same time."""
    given = {"node": "host.disk", "view": "read", "do": "note", "was:host.disk.write_cache": "protected"}
    given |= {"s:host.disk.write_cache": "volatile", "s:host.disk.coalesce_time": "100 us"}
    given |= {"was:host.disk.coalesce_time": "100 µs"}
    answer = client.post("/s/linux/what-if/?lang=zh-hans", given, headers={"accept-language": "zh-hans"})
    html = answer.content.decode()
    assert '<option value="volatile"' in html
    assert ">易失（volatile）</option>" in html
    assert "断电不丢（protected） → 易失（volatile）" in shown(html)
    assert re.search('id="w-host.disk.coalesce_time"[^>]* value="100 µs"', html)
    assert html.count("<li>") == 1
    raw = changed(client, "linux", **{**given, "do": "race"})
    assert raw["label"]["zh-hans"].endswith("：写缓存 易失（volatile）")


def test_what_does_not_go_together_is_told_by_the_names_of_the_page(client: Client) -> None:
    """Native AIO goes past the page cache: each is a value, and so a change, but the two do not run."""
    given = {"s:vm1.disk.cache": "writeback", "was:vm1.disk.cache": "none"}
    words, changes = noted(client, "linux-on-kvm", node="vm1.disk", **given)
    assert "none → writeback" in words
    label = simcore.texts("en")["components"]["virtio-blk"]["settings"]["aio"]["label"]
    assert f"{label}: " in words
    assert "They cannot race before" in words
    form = client.get(f"/s/linux-on-kvm/what-if/?node=host&view=read&changes={changes}").content.decode()
    assert re.search('id="what-if-race"[^>]* aria-disabled="true"', form)


def test_without_a_difference_there_is_no_race(client: Client) -> None:
    answer = client.post("/s/linux-on-kvm/what-if/", {"node": "vm1", "view": "boot", "do": "race"})
    assert "Nothing is different yet" in shown(answer.content.decode())


@pytest.mark.parametrize("query", ["node=gone", "node=vm1&view=nonsense", "view=boot"])
def test_what_is_not_there_cannot_be_changed(client: Client, query: str) -> None:
    assert client.get(f"/s/linux-on-kvm/what-if/?{query}").status_code == 404


NOON = 110_000_000_000


def noted(client: Client, ref: str, **given: str) -> tuple[str, str]:
    """The page's words after one change, and the changes so far as the form carries them."""
    answer = client.post(f"/s/{ref}/what-if/", {"view": "read", "t": str(NOON), "do": "note", **given})
    html = answer.content.decode()
    carried = re.search('name="changes" value="([^"]*)"', html)
    assert carried is not None
    return shown(html), unescape(carried[1])


def test_a_branch_may_change_two_things_of_two_layers(client: Client) -> None:
    """One that can change in mid-run, and one that cannot: each is told how it will be."""
    words, changes = noted(client, "docker-on-linux", node="web", **{"s:web.cpus": "0.5"})
    assert "none → 0.5" in words
    assert "while it runs, from 110.000 s on" in words
    given = {"node": "host", "changes": changes, "s:host.cpus": "24", "was:host.cpus": "12"}
    words, changes = noted(client, "docker-on-linux", **given)
    assert "12 → 24" in words
    assert "from the start" in words
    given = {"node": "engine", "view": "read", "do": "race", "t": "999", "changes": changes}
    raw = changed(client, "docker-on-linux", **given)
    assert raw["interventions"] == [{"at": "110 s", "on": "web", "do": "set", "settings": {"cpus": 0.5}}]
    assert simcore.scenario(raw).stack.settings["cpus"] == 24
    assert raw["label"]["en"].endswith(" — Container: CPU limit 0.5; Xeon server: CPUs 24")
    assert raw["label"]["zh-hans"].endswith(" — 容器：CPU 上限 0.5；至强服务器：CPU 数 24")


def test_a_change_is_taken_back_by_its_button_or_by_its_old_value(client: Client) -> None:
    _words, changes = noted(
        client, "linux-on-kvm", node="vm1", **{"s:vm1.vcpus": "3", "s:vm1.balloon": "true"}
    )
    given = {"node": "vm1", "changes": changes, "s:vm1.vcpus": "3", "s:vm1.balloon": "true"}
    _words, left = noted(client, "linux-on-kvm", **{**given, "do": "back:0"})
    assert [one.path for one in what_if.unpacked(left)] == ["vm1.balloon"]
    _words, left = noted(client, "linux-on-kvm", **{**given, "s:vm1.vcpus": "2"})
    assert [one.path for one in what_if.unpacked(left)] == ["vm1.balloon"]


def test_from_a_branch_one_can_go_on_changing(client: Client) -> None:
    given = {"node": "web", "view": "read", "do": "race", "t": str(NOON), "s:web.cpus": "0.5"}
    changed(client, "docker-on-linux", **given)
    branch = Scenario.objects.exclude(origin="docker-on-linux").get()
    form = shown(client.get(f"/s/{branch.id}/what-if/?node=web&view=read&t={NOON + 1}").content.decode())
    assert "This run holds already: Container: CPU limit 0.5 (110.000 s)" in form
    later = {**given, "t": str(NOON + 1), "was:web.cpus": "0.5", "s:web.cpus": "2"}
    raw = changed(client, branch.id, **later)
    assert [one["settings"]["cpus"] for one in raw["interventions"]] == [0.5, 2]


def test_another_device_in_a_place_takes_what_was_set_of_the_old_one_away(client: Client) -> None:
    _words, changes = noted(client, "linux-on-kvm", node="vm1.disk", **{"s:vm1.disk.aio": "threads"})
    given = {"node": "vm1.disk", "changes": changes, "s:vm1.disk": "ide", "was:vm1.disk": "virtio-blk"}
    given |= {"s:vm1.disk.aio": "threads", "was:vm1.disk.aio": "threads"}
    _words, changes = noted(client, "linux-on-kvm", **given)
    assert [(one.path, one.text) for one in what_if.unpacked(changes)] == [("vm1.disk", "ide")]


def test_the_work_itself_can_be_changed(client: Client) -> None:
    given = {"node": "random-read", "view": "read", "do": "race", "s:random-read.block": "64 KiB"}
    raw = changed(client, "linux-on-kvm", **given)
    assert simcore.scenario(raw, workload="random-read").workloads[0].settings["block"] == 64 * 1024


@pytest.mark.parametrize("changes", ["{", "[]", "[1]", '[["vm1.vcpus", 3, 0]]', '[["gone.x", "1", 0]]', "9"])
def test_changes_that_nobody_made_are_none(client: Client, changes: str) -> None:
    words, left = noted(client, "linux-on-kvm", node="vm1", changes=changes)
    assert "Changes so far" not in words
    assert left == "[]"


def test_a_slide_tells_what_the_run_would_come_to_and_keeps_nothing(client: Client) -> None:
    answer = client.get("/s/linux-on-kvm/slide/?view=read&path=vm1.memory&s:vm1.memory=4 GiB")
    assert "×" in shown(answer.content.decode())
    answer = client.get("/s/linux-on-kvm/slide/?view=read&path=random-read.depth&s:random-read.depth=4")
    assert "×" in shown(answer.content.decode())
    assert Scenario.objects.count() == 0
    wrong = client.get("/s/linux-on-kvm/slide/?view=read&path=vm1.vcpus&s:vm1.vcpus=none")
    assert "Virtual CPUs: none is not" in shown(wrong.content.decode())
    for query in ("path=vm1.gone&s:vm1.gone=1", "path=gone.x&s:gone.x=1", "path=vm1.vcpus", "path="):
        assert client.get(f"/s/linux-on-kvm/slide/?{query}").status_code == 404


def test_a_slide_goes_through_halves_and_doubles_within_the_setting_s_limits() -> None:
    setting = simcore.catalog()["vm"].settings["vcpus"]
    values = what_if.values_of(setting, 6)
    assert values == [3, 6, 12, 24, 48, 96, 192, 384]


def test_effects_are_told_only_where_the_second_lane_is_a_branch_of_the_first() -> None:
    raw = simcore.prebuilt()["linux"]
    rows = tuple(store.keep(store.scenario(raw, workload=name), 1) for name in ("boot", "spin"))
    assert effects.effects_of(rows, "en") == []


def test_the_run_in_words_is_the_engine_s_own_narration(client: Client) -> None:
    html = client.get("/s/linux/text/?view=read&lang=en").content.decode()
    scenario = store.scenario(simcore.prebuilt()["linux"], workload="random-read")
    told = simcore.narration(simcore.run(scenario).trace, "en", "read")
    words = shown(html)
    for section in told.sections:
        for line in (section.title, *section.lines):
            assert " ".join(line.split()) in words
    assert client.get("/s/nothing/text/").status_code == 404
    assert client.get("/s/linux/text/?view=no").status_code == 400


def test_who_is_unaffected_slowed_restarted_and_lost_is_told_one_by_one(client: Client) -> None:
    """Two containers on one CPU: one dies and starts again at the other's cost; then dockerd dies."""
    draft = (
        simcore.Draft(simcore.prebuilt()["docker-on-linux"]).set("host.cpus", 1).set("web.restart", "always")
    )
    draft = draft.add("container", "web", "beside")
    loads = [
        {"id": f"work-{on}", "is": "spin", "on": on, "settings": {"count": n}}
        for on, n in (("box", 200), ("web", 50))
    ]
    ref = store.keep(store.scenario({**draft.raw, "workloads": loads}), 1).id
    original = Scenario.objects.get(id=ref)
    pool().result(store.start(store.Plan((original,))))
    record = store.record_of(original)
    assert record is not None
    at = record.outcome["nodes"]["web"]["ready_ns"] + 200_000_000
    given = {"node": "web", "view": "own", "do": "fail:kill", "t": str(at)}
    again = changed(client, ref, **given)
    rows = (original, Scenario.objects.exclude(id=ref).get())
    pool().result(store.start(store.Plan((rows[1],))))
    found = {effect.id: (effect.kind, effect.said) for effect in effects.effects_of(rows, "en")}
    assert found["host-os"] == found["engine"] == ("same", "unaffected")
    assert found["web"][0] == found["work-web"][0] == "restarted"
    run = store.record_of(rows[1])
    assert run is not None
    assert f"up again at {run.outcome['nodes']['web']['again_ns'] / 1e9:.3f} s" in found["web"][1]
    assert found["work-box"][0] == "slower"
    assert found["work-box"][1].startswith("slowed: done")
    assert len(again["interventions"]) == 1
    given = {"node": "engine", "view": "own", "do": "fail:kill", "t": str(at - 1)}
    changed(client, rows[1].id, **given)
    both = Scenario.objects.exclude(id__in=[ref, rows[1].id]).get()
    pool().result(store.start(store.Plan((both,))))
    found = {effect.id: (effect.kind, effect.said) for effect in effects.effects_of((rows[1], both), "en")}
    assert found["engine"] == found["web"] == ("lost", "lost"), "nobody is there to start it again"
    assert found["work-web"][0] == "lost"


def test_mitigations_are_switched_off_from_the_start(client: Client) -> None:
    given = {
        "node": "guest-os",
        "view": "call",
        "do": "race",
        "t": str(NOON),
        "s:guest-os.mitigations": "off",
    }
    raw = changed(client, "linux-on-kvm", **given)
    assert "interventions" not in raw
    assert raw["label"]["en"] == "A Linux guest under KVM — Linux (guest): Mitigations off"


def test_after_a_power_cut_it_is_told_what_was_promised_and_lost(client: Client) -> None:
    raw = dict(simcore.prebuilt()["linux-on-kvm"])
    load = {"id": "writes", "is": "random-write", "on": "guest-os", "start": "200 s"}
    load["settings"] = {"sync": 1, "cache": "buffered", "count": 200}
    disk = {"is": "virtio-blk", "cache": "unsafe", "aio": "threads"}
    raw = dict(simcore.Draft({**raw, "workloads": [load]}).set("host.disk", "nvme-flash").raw)
    raw["stack"]["holds"][0]["holds"][0]["holds"][0]["settings"]["disk"] = disk
    ref = store.keep(store.scenario(raw), 1).id
    given = {"node": "host", "view": "own", "do": "fail:power-cut", "t": "200002000000"}
    changed(client, ref, **given)
    branch = Scenario.objects.exclude(id=ref).get()
    rows = (Scenario.objects.get(id=ref), branch)
    for row in rows:
        pool().result(store.start(store.Plan((row,))))
    found = {effect.id: effect for effect in effects.effects_of(rows, "en")}
    assert found["writes"].kind == "lost"
    assert "acknowledged writes lost, held by Linux (host)" in found["writes"].said
    assert branch.raw["label"]["en"].endswith(" — power cut at Xeon server")
