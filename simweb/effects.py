"""Who notices: what a change in mid-run did to each layer and each program, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

import simcore
from simweb import build_page, store
from simweb.build_words import names_of
from simweb.models import Scenario

__all__ = ["Effect", "effects_of"]


@dataclass(frozen=True)
class Effect:
    """What a change did to one layer or one program. `kind`: same, slower, faster, restarted or lost."""

    id: str
    label: str
    role: str
    kind: str
    said: str


def effects_of(rows: tuple[Scenario, ...], lang: str) -> list[Effect]:
    """Of two lanes, the second of which has an intervention that the first has not; else nothing."""
    if len(rows) != 2:
        return []
    held, done = (row.raw.get("interventions") or [] for row in rows)
    if len(done) <= len(held) or any(one not in done for one in held):
        return []
    records = [record for row in rows if (record := store.record_of(row)) is not None]
    draft = simcore.Draft(rows[0].raw)
    tree = draft.tree
    if len(records) < 2 or tree is None:
        return []
    before, after = (record.outcome for record in records)
    names = names_of(tree, build_page.words_of(draft, lang).of)
    homes = {load.id: load.on for load in tree.workloads}
    found = []
    for name, node in before["nodes"].items():
        known = tree.nodes.get(name)
        if known is not None and known.role not in ("device", "firmware"):
            kind, said = _layer(node, after["nodes"].get(name, node))
            found.append(Effect(name, names[name], known.role, kind, said))
    for load in tree.workloads:
        old = before["workloads"][load.id]
        new = after["workloads"].get(load.id, old)
        restarts = after["nodes"].get(homes[load.id], {}).get("restarts", 0)
        kind, said = _program(old, new, restarts > before["nodes"][homes[load.id]]["restarts"], names)
        found.append(Effect(load.id, names[load.id], "workload", kind, said))
    return found


def _layer(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    state = after["state"]
    if state == "killed":
        return "lost", _("lost")
    if before["state"] == "ready" and state != "ready":
        return "lost", _("lost: it never comes up")
    if after["restarts"] > before["restarts"]:
        if after["again_ns"] is None:
            return "lost", _("lost: it never comes up")
        again = f"{after['again_ns'] / 1e9:.3f} s"
        return "restarted", _("restarted: up again at %(time)s") % {"time": again}
    if _differs(before, after, "ready_ns"):
        return _pace(
            before, after, "ready_ns", _("slowed: up %(time)s later"), _("faster: up %(time)s sooner")
        )
    return "same", _("unaffected")


def _program(
    before: Mapping[str, Any], after: Mapping[str, Any], restarted: bool, names: Mapping[str, str]
) -> tuple[str, str]:
    if lost := (after.get("writes") or {}).get("lost"):
        said = _("%(n)s acknowledged writes lost, held by %(who)s")
        return "lost", said % {
            "n": lost,
            "who": ", ".join(names.get(one, one) for one in after["writes"]["held_by"]),
        }
    if before["finished_ns"] is not None and after["finished_ns"] is None:
        done = _("%(done)s of %(all)s done") % {"done": after["n"], "all": before["n"]}
        return "lost", _("lost: %(done)s") % {"done": done}
    if restarted and _differs(before, after, "finished_ns"):
        said = _("restarted: begun again, done %(time)s later")
        return "restarted", said % {"time": _later(before, after, "finished_ns")}
    if _differs(before, after, "finished_ns"):
        later, sooner = _("slowed: done %(time)s later"), _("faster: done %(time)s sooner")
        return _pace(before, after, "finished_ns", later, sooner)
    return "same", _("unaffected")


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], moment: str) -> bool:
    """By more than a shift that nobody would notice."""
    old, new = before[moment] or 0, after[moment] or 0
    return abs(new - old) > max(1000, old // 10**6)


def _later(before: Mapping[str, Any], after: Mapping[str, Any], moment: str) -> str:
    return str(simcore.show_time(abs((after[moment] or 0) - (before[moment] or 0))))


def _pace(
    before: Mapping[str, Any], after: Mapping[str, Any], moment: str, later: str, sooner: str
) -> tuple[str, str]:
    is_later = (after[moment] or 0) > (before[moment] or 0)
    said = (later if is_later else sooner) % {"time": _later(before, after, moment)}
    return "slower" if is_later else "faster", said
