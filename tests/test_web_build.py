"""The builder: every edit posts the draft, every state is a link, and nothing is kept until it is played."""

import copy
import json
import random
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb import presenters
from simweb.build_page import pack, unpack
from simweb.models import Scenario
from tests.web import attribute, isolated

pytestmark = pytest.mark.django_db
PREBUILT = simcore.prebuilt()


@pytest.fixture(autouse=True)
def _alone(settings: Any, tmp_path: Path) -> Iterator[None]:
    """A page that plays simulates here: no thread of an earlier test is still at work."""
    yield from isolated(settings, tmp_path)


def posted(client: Client, raw: Any, edit: str = "", **fields: str) -> str:
    data = {"raw": json.dumps(raw), "edit": edit, **fields}
    answer = client.post("/build/", data, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def draft_in(html: str) -> dict[str, Any]:
    """The draft that a page part carries on."""
    raw = unpack(attribute(html, "data-link").partition("draft=")[2].partition("&")[0])
    assert raw is not None
    return raw


def test_a_layer_comes_with_what_it_cannot_be_without(client: Client) -> None:
    html = posted(client, PREBUILT["linux"], "add:above:host-os:container")
    raw = draft_in(html)
    assert [held["is"] for held in raw["stack"]["holds"][0]["holds"]] == ["docker", "container"]
    assert not simcore.check(raw)
    assert Scenario.objects.count() == 0


@pytest.mark.parametrize("stack", ["docker-on-linux", "linux-on-kvm", "xen-pv", "hyperv-windows"])
def test_whatever_is_offered_is_legal_and_whatever_is_not_has_its_reason(stack: str) -> None:
    draft = simcore.Draft(PREBUILT[stack])
    for name in draft.names:
        for place in ("above", "below", "beside"):
            for offer in draft.offers(name, place):
                assert offer.is_legal is (not offer.draft.errors)
                assert offer.is_legal or all(error.as_dict()["hint"] for error in offer.errors)


def test_underneath_a_container_a_whole_machine_is_put(client: Client) -> None:
    raw = draft_in(posted(client, PREBUILT["docker-on-linux"], "add:below:web:kvm-qemu"))
    inner = raw["stack"]["holds"][0]["holds"][1]
    chain = [inner["is"], inner["holds"][0]["is"], inner["holds"][0]["holds"][0]["is"]]
    assert chain == ["kvm-qemu", "vm", "linux"]
    assert not simcore.check(raw)


def test_the_machine_swapped_for_an_arm_one_brings_kernels_and_guests_of_that_instruction_set() -> None:
    draft = simcore.Draft(PREBUILT["linux-on-kvm"]).swap("host", "server-arm")
    assert draft.is_legal
    kinds = [draft.node(name).is_ for name in ("host-os", "hv", "vm1", "guest-os")]
    assert kinds == ["linux-arm", "kvm-qemu", "vm-arm", "linux-arm"]
    chosen = simcore.Draft(PREBUILT["linux"]).swap("host-os", "linux-arm")
    assert chosen.node("host-os").is_ == "linux-arm", "what was chosen stays, and is told"
    assert not chosen.is_legal


@pytest.mark.parametrize(
    ("stack", "below", "control"),
    [("linux", "xen", "dom0"), ("windows", "hyper-v-root", "root-partition")],
)
def test_a_hypervisor_put_underneath_makes_the_kernel_that_of_its_first_guest(
    stack: str, below: str, control: str
) -> None:
    draft = simcore.Draft(PREBUILT[stack]).add(below, "host-os", "below")
    assert draft.is_legal
    assert draft.node("host-os").parent == control
    assert draft.add("vm" if stack == "windows" else "xen-pvh", "hv").node("vm1-os").is_ == "linux"


def test_a_guest_that_gets_a_network_program_gets_a_virtio_card() -> None:
    draft = simcore.Draft(PREBUILT["linux-on-kvm"]).add("request-response", "guest-os")
    assert draft.is_legal
    assert draft.node("vm1.network").is_ == "virtio-net"


def test_what_may_not_stand_there_is_told_with_the_reason(client: Client) -> None:
    html = posted(client, PREBUILT["linux"], "select:host-os")
    assert "Trap and emulate" in html or "trap-and-emulate" in html
    assert "does not fit here, and why" in html or "do not fit here, and why" in html


@pytest.mark.parametrize("place", ["vm1.disk", "vm1.network", "host.network"])
def test_among_disks_no_card_is_offered_and_among_cards_no_disk(place: str) -> None:
    draft = simcore.Draft(PREBUILT["linux-on-kvm"])
    offers = draft.settings_of(place, simcore.catalog().of_role("device"))
    if place == "vm1.disk":
        offers += draft.replacements(place)
    assert offers
    assert {"network" in offer.entry.provides for offer in offers} == {place != "vm1.disk"}


def test_a_changed_setting_is_the_draft_s_and_a_wrong_one_is_kept_and_told(client: Client) -> None:
    fields = {"sel": "vm1", "s:vm1.vcpus": "4", "was:vm1.vcpus": "2"}
    raw = draft_in(posted(client, PREBUILT["linux-on-kvm"], **fields))
    assert simcore.scenario(raw).nodes["vm1"].settings["vcpus"] == 4
    html = posted(client, PREBUILT["linux-on-kvm"], **{**fields, "s:vm1.vcpus": "many"})
    assert draft_in(html)["stack"]["holds"][0]["holds"][0]["holds"][0]["settings"]["vcpus"] == "many"
    assert "aria-invalid" in html


@pytest.mark.parametrize("program", ["compute", "request-response"])
def test_a_program_is_added_and_chosen_with_its_settings_and_what_may_take_its_place(
    client: Client, program: str
) -> None:
    html = posted(client, PREBUILT["linux"], f"add:above:host-os:{program}", sel="host-os")
    raw = draft_in(html)
    assert [load["is"] for load in raw["workloads"]] == [program]
    assert not simcore.check(raw)
    assert f'value="remove:{program}"' in html
    assert f"swap:{program}:" in html


def test_the_timed_program_moves_up_into_what_is_built_upon_its_layer() -> None:
    draft = simcore.Draft(PREBUILT["linux"]).add("kvm-qemu", "host-os")
    assert draft.raw["subject"] == "host-os"
    draft = draft.add("vm", "hv").add("container", "vm1-os")
    assert draft.raw["subject"] == "box"
    assert draft.add("container", "vm1-os").raw["subject"] == "box", "a neighbour does not take it"


def test_the_kernel_of_a_doubled_guest_is_called_after_its_guest() -> None:
    draft = simcore.Draft(PREBUILT["linux"]).add("kvm-qemu", "host-os").add("vm", "hv").double("vm1")
    assert set(draft.names) == {"host", "host-os", "hv", "vm1", "vm1-os", "vm2", "vm2-os"}


def test_removing_leaves_no_loose_ends(client: Client) -> None:
    raw = draft_in(posted(client, PREBUILT["docker-on-linux"], "remove:web"))
    assert raw["subject"] == "host-os"
    raw = draft_in(posted(client, PREBUILT["docker-on-linux"], "remove:engine"))
    assert not simcore.check(raw), "the container has got another engine"


def test_a_double_has_names_of_its_own_and_everything_that_stands_on_it(client: Client) -> None:
    raw = draft_in(posted(client, PREBUILT["linux-on-kvm"], "double:vm1"))
    twins = raw["stack"]["holds"][0]["holds"][0]["holds"]
    assert [vm["id"] for vm in twins] == ["vm1", "vm2"]
    assert twins[0]["holds"][0]["id"] != twins[1]["holds"][0]["id"]
    assert not [finding for finding in simcore.check(raw) if finding.severity == "error"]


def test_beside_a_guest_another_one_stands_next_to_it_with_its_kernel() -> None:
    draft = simcore.Draft(PREBUILT["linux-on-kvm"]).add("vm", "vm1", "beside")
    hv = draft.node("hv")
    assert [held.id for held in hv.holds] == ["vm1", "vm2"]
    assert not draft.errors
    assert simcore.Draft(PREBUILT["linux"]).add("laptop", "host", "beside").names == ["host", "host-os"]


def test_a_pc_s_bios_on_an_arm_board_is_a_finding_with_a_way_out() -> None:
    """By the instruction sets of the firmware and of the computer itself, whatever runs below an emulator."""
    draft = simcore.Draft(PREBUILT["arm-on-x86-tcg"])
    arm = next(node.id for node in draft.tree.nodes.values() if node.is_ == "vm-arm")
    for firmware in ("seabios", "qboot"):
        [error] = draft.set(f"{arm}.firmware", firmware).errors
        assert (error.id, error.path) == ("firmware-isa", f"{arm}.firmware")
        assert "direct" in error.as_dict()["hint"]
        mended = draft.set(f"{arm}.firmware", firmware).mended(error)
        assert mended is not None
        assert mended.is_legal
    assert draft.set(f"{arm}.firmware", "uefi-vm").is_legal
    pc = simcore.Draft(PREBUILT["x86-on-arm-tcg"])
    assert pc.is_legal, "a PC's BIOS in a PC that an ARM machine plays"
    host = pc.set("host.firmware", "bios")
    assert [error.id for error in host.errors] == ["firmware-isa"]


def line(html: str) -> str:
    """What is said of the edit."""
    found = re.search(r'<p id="said"[^>]*>([^<]*)</p>', html)
    assert found
    return unescape(found[1])


TWO_GUESTS = simcore.Draft(PREBUILT["linux-on-kvm"]).double("vm1")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("remove:guest-os", "Removed: Linux (guest) · guest-os. Put there instead: Linux (guest) · vm1-os."),
        (
            "remove:hv",
            "Removed: KVM + QEMU. Gone with it: Virtual machine · vm1, Linux (guest) · guest-os, ",
        ),
        (
            "lift:hv",
            "Taken out: KVM + QEMU. What stood on it stands on Linux (host) now: Virtual machine · vm1, ",
        ),
        ("add:above:host-os:container", "Added: Container on Linux (host). Along with it: Docker."),
        ("add:beside:vm1:vm", "Added: Virtual machine · vm3 beside Virtual machine · vm1. Along with it: "),
        ("double:hv", "Duplicated: KVM + QEMU. With what stands on it: "),
        ("right:vm1", "Moved: Virtual machine · vm1."),
        ("swap:host:laptop", "Now in its place: Laptop."),
        ("right:vm2", ""),
        ("lift:host", ""),
    ],
)
def test_an_edit_is_told_with_names_and_all_that_came_and_went(client: Client, edit: str, said: str) -> None:
    told = line(posted(client, TWO_GUESTS.raw, edit))
    assert told.startswith(said) if said.endswith((": ", ", ")) else told == said


def test_a_layer_that_comes_back_under_the_same_id_is_told_as_gone_and_put_there(client: Client) -> None:
    raw = (
        simcore.Draft(PREBUILT["linux"])
        .add("kvm-qemu", "host-os")
        .add("vm", "hv")
        .add("container", "vm1-os")
        .raw
    )
    told = line(posted(client, raw, "remove:vm1-os"))
    assert told == (
        "Removed: Linux (guest). Gone with it: Docker, Container. Put there instead: Linux (guest)."
    )


def test_one_cause_is_told_once_and_in_plain_words(client: Client) -> None:
    html = posted(client, TWO_GUESTS.raw, "lift:hv")
    assert len(simcore.Draft(draft_in(html)).errors) == 4
    assert html.count('class="finding error"') == 1
    assert "1 thing to mend before it can run" in html
    assert "2 layers:" in html
    assert "Virtual machine cannot stand directly on Linux." in html
    assert "kvm-qemu, " not in html.partition('<section class="issues"')[2].partition("</section>")[0]


def test_one_press_mends_all_that_is_told_as_one(client: Client) -> None:
    raw = copy.deepcopy(TWO_GUESTS.raw)
    for guest in raw["stack"]["holds"][0]["holds"][0]["holds"]:
        guest["holds"] = []
    html = posted(client, {**raw, "subject": "host-os"}, "select:vm1")
    [mend] = re.findall(r'value="(mend:[^"]*)"', html)
    html = posted(client, {**raw, "subject": "host-os"}, mend)
    assert not simcore.check(draft_in(html))
    assert line(html) == "Mended. Added: Linux (guest) · vm1-os, Linux (guest) · vm2-os."


def test_every_capability_that_a_layer_may_miss_has_a_word() -> None:
    entries = simcore.catalog().entries.values()
    needed = {need for entry in entries if entry.role != "workload" for need in entry.needs}
    told_otherwise = {"x86-64", "arm64", "iommu", "snapshots"}
    assert needed - told_otherwise == set(presenters.capability_words())


def test_a_stack_that_is_no_more_the_prebuilt_one_says_nothing_of_it(client: Client) -> None:
    """Neither its title nor its question; it is called what it is made of, in the language of who looks."""
    linux = PREBUILT["linux"]
    assert draft_in(posted(client, linux, "select:host")) == linux
    title = linux["label"]["en"]
    html = posted(client, linux, "add:above:host-os:kvm-qemu", title=title)
    html = posted(client, draft_in(html), "add:above:hv:vm", title="")
    raw = draft_in(posted(client, draft_in(html), "double:vm1", title=""))
    assert not {"label", "question", "summary"} & raw.keys()
    row = Scenario.objects.get(id=play(client, raw))
    for lang, name in (("en", "2 × Linux on KVM + QEMU"), ("zh-hans", "2 × KVM + QEMU 上的 Linux")):
        assert f"<h1>{name}</h1>" in client.get(f"/s/{row.id}/?lang={lang}").content.decode()
        assert f'placeholder="{name}"' in client.get(f"/build/?from={row.id}&lang={lang}").content.decode()


def test_a_changed_setting_makes_it_another_stack_and_a_typed_title_stays(client: Client) -> None:
    fields = {"sel": "vm1", "s:vm1.vcpus": "4", "was:vm1.vcpus": "2"}
    raw = draft_in(posted(client, PREBUILT["linux-on-kvm"], **fields))
    assert not {"label", "question", "summary"} & raw.keys()
    raw = draft_in(posted(client, PREBUILT["linux-on-kvm"], title="My lesson"))
    assert raw["label"] == "My lesson"
    raw = draft_in(posted(client, raw, "remove:vm1", title="My lesson"))
    assert raw["label"] == "My lesson"
    assert "label" not in draft_in(posted(client, raw, title=""))


def play(client: Client, raw: Any) -> str:
    answer = client.post("/build/", {"raw": json.dumps(raw), "edit": "play:boot"})
    return str(answer["Location"]).split("/")[2]


def test_a_fault_is_mended_by_its_button(client: Client) -> None:
    raw = copy.deepcopy(PREBUILT["linux-on-kvm"])
    raw["stack"]["holds"][0]["holds"][0]["holds"][0]["holds"] = []
    html = posted(client, raw, "select:vm1")
    place = next(part for part in html.split('name="edit" value="mend:')[1:])
    mended = draft_in(posted(client, raw, f"mend:{place.partition(chr(34))[0]}"))
    assert len(simcore.check(mended)) < len(simcore.check(raw))


def test_playing_keeps_the_scenario_and_an_illegal_one_is_not_kept(client: Client) -> None:
    data = {"raw": json.dumps(PREBUILT["linux"]), "edit": "play:boot"}
    answer = client.post("/build/", data)
    assert answer.status_code == 302
    assert answer["Location"] == f"/s/{Scenario.objects.get().id}/?view=boot#play"
    wrong = {"stack": {"id": "host", "is": "server-2s-xeon"}, "subject": "host"}
    posted(client, wrong, "play:boot")
    assert Scenario.objects.count() == 1


@pytest.mark.parametrize("stack", list(PREBUILT))
def test_a_draft_survives_its_link(stack: str) -> None:
    assert unpack(pack(PREBUILT[stack])) == PREBUILT[stack]


@pytest.mark.parametrize("link", ["draft=x", "draft=" + "A" * 30_000, "from=nothing-like-it", "raw=%5B1%5D"])
def test_a_link_that_holds_no_stack_is_refused_in_words(client: Client, link: str) -> None:
    assert client.get(f"/build/?{link}").status_code in (400, 404)


@pytest.mark.parametrize(
    "edit",
    [
        "add:above:gone:vm",
        "remove:gone",
        "swap:gone:x",
        "add:x",
        "mend:99",
        "add:above:host-os:no",
        "nonsense",
    ],
)
def test_a_stale_edit_changes_nothing_and_breaks_nothing(client: Client, edit: str) -> None:
    assert draft_in(posted(client, PREBUILT["linux"], edit)) == PREBUILT["linux"]


def test_a_draft_of_unknown_parts_is_told_in_words(client: Client) -> None:
    html = posted(client, {"stack": {"id": "host", "is": "no-such-thing"}, "subject": "host"})
    assert "no-such-thing" in html


def test_exported_text_names_its_schema_and_reads_back_the_same(client: Client) -> None:
    link = client.get("/build/?from=xen-pv").content.decode()
    packed = attribute(link, "data-link").partition("draft=")[2].partition("&")[0]
    text = client.get(f"/build/scenario.yaml?draft={packed}").content.decode()
    first, rest = text.split("\n", 1)
    assert first == "# yaml-language-server: $schema=http://testserver/schema/scenario-1.json"
    assert simcore.load(rest) == PREBUILT["xen-pv"]
    assert client.get("/schema/scenario-1.json").json()["title"] == "Strata scenario"


def test_a_pasted_text_becomes_the_draft_and_a_broken_one_stays_in_the_field(client: Client) -> None:
    text = simcore.to_yaml(PREBUILT["firecracker"])
    assert draft_in(posted(client, PREBUILT["linux"], "text", text=text)) == PREBUILT["firecracker"]
    html = posted(client, PREBUILT["linux"], "text", text="stack: [")
    assert "stack: [" in html
    assert draft_in(html) == PREBUILT["linux"]


JUNK: list[Any] = [None, 1, -1, "", "x", [], {}, [1], {"a": 1}, True, "linux", [[]], {"is": "vm"}]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_posted_is_answered(client: Client, seed: int) -> None:
    """A draft with junk in random places, and an edit of a layer that may not be there."""
    draw = random.Random(seed)
    for _ in range(4):
        raw = copy.deepcopy(draw.choice(list(PREBUILT.values())))
        raw["workloads"] = [{"id": "w", "is": "random-read", "on": raw["subject"]}]
        for _ in range(draw.randrange(3)):
            table, key = draw.choice(list(_places(raw)))
            table[key] = copy.deepcopy(draw.choice(JUNK))
        one, two = (draw.choice(["host", "host-os", "vm1", "w", "vm1.disk", "gone", ""]) for _ in "ab")
        is_ = draw.choice(list(simcore.catalog().entries))
        edits = [f"add:above:{one}:{is_}", f"add:below:{one}:{is_}", f"swap:{one}:{is_}", f"move:{one}:{two}"]
        edits += [f"{verb}:{one}" for verb in ("select", "remove", "lift", "left", "double", "aim", "play")]
        edits += [f"mend:{draw.randrange(-2, 4)}", "mend:x", ""]
        data = {"raw": json.dumps(raw), "edit": draw.choice(edits), "sel": one}
        assert client.post("/build/", data, headers={"HX-Request": "true"}).status_code in (200, 400)


def test_what_has_no_shape_can_only_be_changed_as_text(client: Client) -> None:
    raw = copy.deepcopy(PREBUILT["linux-on-kvm"])
    raw["stack"]["holds"][0]["id"] = 7
    html = posted(client, raw, "remove:vm1")
    assert "can only be changed as text" in html
    assert draft_in(html) == raw
