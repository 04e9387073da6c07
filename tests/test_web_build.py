"""The builder: every edit posts the draft, every state is a link, and nothing is kept until it is played."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb.build_page import pack, unpack
from simweb.models import Scenario
from tests.web import attribute

pytestmark = pytest.mark.django_db
PREBUILT = simcore.prebuilt()


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
