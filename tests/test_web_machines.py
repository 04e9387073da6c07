"""/machines/: a measured machine sent in, looked at, and stacks run on it."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

import simcore
from simweb import store, workers
from simweb.models import MachineProfile, Scenario, Trace
from tests.profiles import FAULTY, LAPTOP, WITH_NAMES
from tests.web import FOUR, attribute, isolated, shown

pytestmark = pytest.mark.django_db

GUESTS = vars(importlib.import_module("simcore.catalog"))["_guests"]
"""The machines that this process knows."""
RACE = "&".join(f"stack={name}" for name in FOUR)
WAIT_S = 60


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


@pytest.fixture(autouse=True)
def nobody_known() -> None:
    GUESTS.clear()


def text(client: Client, url: str, **headers: str) -> str:
    return client.get(url, headers=headers).content.decode()


def send(client: Client, profile: str, **headers: str) -> Any:
    return client.post("/machines/", {"text": profile}, headers=headers)


def sent(client: Client, profile: str = LAPTOP) -> str:
    """The id of the machine that a profile became."""
    response = send(client, profile)
    assert response.status_code == 302
    return str(response.headers["Location"].strip("/").split("/")[1])


# Sending in


def test_a_profile_sent_in_as_file_or_text_gets_one_permanent_address(client: Client) -> None:
    name = sent(client)
    assert re.fullmatch(r"m-[0-9a-f]{12}", name)
    file = SimpleUploadedFile("my-machine.toml", LAPTOP.encode())
    again = client.post("/machines/", {"file": file})
    assert again.headers["Location"] == f"/machines/{name}/"
    assert MachineProfile.objects.count() == 1
    assert client.get(f"/machines/{name}/").status_code == 200


def test_the_names_of_host_and_user_are_gone_before_it_is_stored(client: Client) -> None:
    name = sent(client, WITH_NAMES)
    row = MachineProfile.objects.get()
    page = text(client, f"/machines/{name}/") + text(client, f"/machines/{name}.toml")
    for word in ("alice", "SN-0815", "02:42"):
        assert word not in row.text + json.dumps(row.conditions) + row.label + page


def test_the_profile_can_be_fetched_again_and_is_the_same_machine(client: Client) -> None:
    name = sent(client, WITH_NAMES)
    response = client.get(f"/machines/{name}.toml")
    assert response.headers["Content-Type"].startswith("application/toml")
    assert f'filename="{name}.toml"' in response.headers["Content-Disposition"]
    assert simcore.machine_profile(response.content.decode()).id == name


@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}])
@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_all_that_is_wrong_is_said_at_once_in_the_page_s_language(
    client: Client, headers: dict[str, str], lang: str
) -> None:
    client.get(f"/?lang={lang}")
    response = send(client, FAULTY, **headers)
    assert response.status_code == 422
    page = response.content.decode()
    assert ("<html" in page) is not bool(headers)
    assert page.count('<li class="finding error">') == len(_faults(FAULTY)) >= 7
    said = shown(page)
    for word in {
        "en": ("[machine] has no “cpus”", "'rumour' must be one of", "'5' cannot be read"),
        "zh-hans": ("[machine] 里没有“cpus”", "'rumour' 必须是下列之一", "'5' 无法识别"),
    }[lang]:
        assert word in said
    assert not MachineProfile.objects.exists()
    assert bool(headers) or "rumour" in page.partition("<textarea")[2].partition("</textarea>")[0]


def _faults(profile: str) -> list[str]:
    with pytest.raises(simcore.EntryError) as caught:
        simcore.machine_profile(profile)
    return caught.value.faults


@pytest.mark.parametrize(
    "profile",
    [
        "",
        "hello",
        "machine = 3",
        "\0",
        "[machine]\nlabel = '<script>alert(1)</script>'",
        "x = " + "[" * 5000 + "]" * 5000,
        LAPTOP.replace('"400 ns"', "[1, {a = 1}]"),
        LAPTOP.replace("cpus = 4", "cpus = 2026-01-01").replace('value = "3 GHz"', "value = inf"),
        LAPTOP.replace("default = 4", 'default = "many"'),
        f"composites = [1]\nmissing = 3\n{LAPTOP.partition('[composites')[0]}",
    ],
)
def test_no_bad_profile_breaks_the_page(client: Client, profile: str) -> None:
    response = send(client, profile)
    page = response.content.decode()
    assert response.status_code == 422
    assert '<li class="finding error">' in page
    assert "<script>alert" not in page


def test_files_that_are_no_text_or_too_large_are_refused(client: Client) -> None:
    for data in (b"\xff\xfe\x00", b"#" * (simcore.LARGEST_PROFILE + 1)):
        response = client.post("/machines/", {"file": SimpleUploadedFile("x.toml", data)})
        assert response.status_code == 422
        assert '<li class="finding error">' in response.content.decode()
    huge = client.post("/machines/", {"file": SimpleUploadedFile("x.toml", b"#" * 2_000_000)})
    assert huge.status_code == 413
    assert "256 KiB" in shown(huge.content.decode())
    assert not MachineProfile.objects.exists()


def test_htmx_is_sent_on_to_the_new_machine(client: Client) -> None:
    response = send(client, LAPTOP, **{"hx-request": "true"})
    assert response.headers["HX-Redirect"] == f"/machines/{MachineProfile.objects.get().id}/"


# Looking


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_the_page_shows_conditions_quantities_composites_and_what_is_missing(
    client: Client, lang: str
) -> None:
    name = sent(client)
    page = shown(text(client, f"/machines/{name}/?lang={lang}"))
    for part in (
        "Test CPU 1, 4 CPUs, 8 GiB", "7.7 GiB", "6.1.0", "meltdown: Mitigation: PTI", "12.2.0",
        "syscall", "400 ns", "×1.3", "2000", "12", "kvm_exit_kernel", "1.5 µs", "runc_run", "31.2 ms",
        "one after the other", "disk_fsync", "there is no room for a test file",
    ):  # fmt: skip
        assert part in page, part
    assert "power_supply" not in page  # nobody measured it


@pytest.mark.parametrize(("hypervisor", "said"), [("none", False), ("kvm", True), ("unknown", True)])
def test_a_measurement_inside_a_virtual_machine_is_called_that(
    client: Client, hypervisor: str, said: bool
) -> None:
    name = sent(client, LAPTOP.replace('hypervisor = "none"', f'hypervisor = "{hypervisor}"'))
    page = shown(text(client, f"/machines/{name}/"))
    assert ("Measured inside a virtual machine" in page) is said
    assert ("do not read them as bare metal" in page) is said


def test_own_numbers_stand_beside_those_that_they_replace(client: Client) -> None:
    page = text(client, f"/machines/{sent(client)}/")
    assert 'href="/numbers/?component=linux&amp;op=syscall_entry"' in page
    assert "111 cycles 200 ns ×5.41" in shown(page)  # half of the 400 ns; 111 cycles are 37 ns at 3 GHz
    assert "111 cycles" not in text(client, "/machines/laptop/")


def test_the_list_has_the_catalogue_s_machines_and_not_what_others_sent(client: Client) -> None:
    name = sent(client)
    page = text(client, "/machines/")
    for entry in simcore.catalog().of_role("machine"):
        assert f'href="/machines/{entry.id}/"' in page
        assert client.get(f"/machines/{entry.id}/").status_code == 200
    assert name not in page


@pytest.mark.parametrize(
    "url",
    [
        "/machines/m-0123456789ab/",
        "/machines/linux/",
        "/machines/x.toml",
        "/machines/laptop.toml",
        "/s/linux/?machine=m-0123456789ab",
        "/s/linux/?machine=linux",
        f"/race/?{RACE}&machine=abacus",
    ],
)
def test_a_machine_that_is_none_is_a_404_that_names_it(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 404
    assert "There is no machine" in shown(response.content.decode())


# Running


def test_every_use_that_the_page_offers_works(client: Client) -> None:
    name = sent(client)
    page = text(client, f"/machines/{name}/")
    offered = [url.replace("&amp;", "&") for url in re.findall(rf'href="(/[^"]*machine={name}[^"]*)"', page)]
    assert len(offered) >= 2 * len(FOUR) + 1
    for url in offered:
        assert client.get(url).status_code == 200, url


@pytest.mark.parametrize("machine", ["laptop", "sent in"])
def test_a_run_on_another_machine_differs_and_has_an_address_of_its_own(client: Client, machine: str) -> None:
    name = sent(client) if machine == "sent in" else machine
    own = attribute(text(client, "/s/linux-on-kvm/?view=read"), "data-trace")
    page = text(client, f"/s/linux-on-kvm/?view=read&machine={name}")
    assert attribute(page, "data-trace") != own
    assert f'data-is="{name}"' in page
    ids = [lane["scenario"] for lane in json.loads(attribute(page, "data-lanes"))]
    GUESTS.clear()  # as in a process that has just started: it stands in the database only
    assert attribute(text(client, f"/s/{ids[0]}/"), "data-trace") == attribute(page, "data-trace")
    means = {trace.outcome["workloads"]["random-read"]["mean_ns"] for trace in Trace.objects.all()}
    assert len(means) == 2


def test_naming_the_stack_s_own_machine_changes_nothing(client: Client) -> None:
    first = text(client, "/s/linux/?machine=server-2s-xeon")
    assert attribute(first, "data-trace") == attribute(text(client, "/s/linux/"), "data-trace")
    assert Scenario.objects.get().origin == "linux"


def test_a_race_puts_every_lane_on_the_machine_and_its_tabs_keep_it(client: Client) -> None:
    name = sent(client)
    page = text(client, f"/race/?{RACE}&machine={name}")
    assert page.count(f'data-is="{name}"') == len(FOUR)
    assert {Scenario.objects.get(id=lane["scenario"]).raw["stack"]["is"] for lane in json.loads(
        attribute(page, "data-lanes"))} == {name}  # fmt: skip
    tabs = re.findall(r'<nav class="tabs".*?</nav>', page, re.DOTALL)
    assert all(f"machine={name}" in url for tab in tabs for url in re.findall(r'href="([^"]*)"', tab))
    assert f"machine={name}" in re.findall(r'href="(/\?stack=[^"]*)#race"', page)[0]
    picker = text(client, f"/?stack=linux&machine={name}")
    assert f'<input type="hidden" name="machine" value="{name}">' in picker


def test_the_player_gets_the_words_of_a_machine_that_no_file_of_texts_has(client: Client) -> None:
    name = sent(client)
    for lang in ("en", "zh-hans"):
        words = json.loads(attribute(text(client, f"/s/linux/?machine={name}&lang={lang}"), "data-words"))
        assert words[name]["label"] == "Test CPU 1, 4 CPUs, 8 GiB"
        assert (
            words[name]["ops"]["power_supply"]["name"]
            == (simcore.texts(lang)["components"]["laptop"]["ops"]["power_supply"]["name"])
        )
    assert "data-words" not in text(client, "/s/linux/?machine=laptop")


def test_a_pasted_scenario_may_stand_on_a_machine_that_was_sent_in(client: Client) -> None:
    name = sent(client)
    scenario = store.scenario(simcore.prebuilt()["linux"], machine=name).to_yaml()
    GUESTS.clear()  # as in a process that has just started: it stands in the database only
    page = client.post("/check/", {"scenario": scenario}).content.decode()
    assert "Nothing is wrong with it" in page
    GUESTS.clear()  # as in a process that has just started: it stands in the database only
    assert client.post("/check/", {"scenario": scenario, "play": "1"}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_worker_process_knows_the_machine(client: Client, settings: Any) -> None:
    """Spawned processes share no memory: the job carries the profile."""
    settings.WORKERS = 1
    row = store.keep_machine(LAPTOP)
    scenarios = [
        store.keep(store.scenario(simcore.prebuilt()[name], workload="boot", machine=row.id), 1)
        for name in ("linux", "linux-on-kvm")
    ]
    for plan in (store.Plan((scenarios[0],)), store.Plan(tuple(scenarios))):
        result = workers.pool().result(store.start(plan), WAIT_S)
        assert len(result["lanes"]) == len(plan.scenarios)
        assert all(lane["end_ns"] > lane["start_ns"] for lane in result["lanes"])


def test_a_machine_is_offered_only_stacks_of_its_instruction_set(client: Client) -> None:
    page = text(client, "/machines/server-arm/")
    offered = set(re.findall(r'href="/s/([^/]+)/\?machine=server-arm#play"', page))
    assert {"x86-on-arm-tcg", "trap-and-emulate"} <= offered
    assert not {"linux", "linux-on-kvm", "arm-on-x86-tcg"} & offered
    assert not re.search(r'href="/race/[^"]*machine=server-arm', page)
    for stack in offered:
        assert client.get(f"/s/{stack}/?machine=server-arm").status_code == 200, stack
