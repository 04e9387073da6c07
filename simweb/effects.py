"""Who notices: what a change in mid-run did to each layer and each program, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

import simcore
from simweb import presenters, store
from simweb.models import Scenario

__all__ = ["Effect", "effects_of"]


@dataclass(frozen=True)
class Effect:
    """What a change did to one layer or one program. `kind`: same, slower, faster, lost or unfinished."""

    id: str
    label: str
    role: str
    kind: str
    said: str


def effects_of(rows: tuple[Scenario, ...], lang: str) -> list[Effect]:
    """Of two lanes, the second of which has an intervention that the first has not; else nothing."""
    if len(rows) != 2 or not rows[1].raw.get("interventions") or rows[0].raw.get("interventions"):
        return []
    records = [record for row in rows if (record := store.record_of(row)) is not None]
    if len(records) < 2:
        return []
    before, after = (record.outcome for record in records)
    tree = simcore.Draft(rows[0].raw).tree
    words = presenters.components(lang)
    found = []
    for name, node in before["nodes"].items():
        known = tree.nodes.get(name) if tree else None
        if known is None or known.role in ("device", "firmware"):
            continue
        state = after["nodes"].get(name, node)["state"]
        lost = state == "killed" or (node["state"] == "ready" and state != "ready")
        label = str(words.get(known.is_, {}).get("short", known.is_))
        said = _("lost") if state == "killed" else _("never comes up") if lost else _("does not notice")
        found.append(Effect(name, label, known.role, "lost" if lost else "same", said))
    for name, load in before["workloads"].items():
        found.append(_effect(name, load, after["workloads"].get(name, load), tree, words))
    return found


def _effect(name: str, before: Mapping[str, Any], after: Mapping[str, Any], tree: Any, words: Any) -> Effect:
    load = next((one for one in tree.workloads if one.id == name), None) if tree else None
    label = str(words.get(load.is_, {}).get("short", name)) if load else name
    if lost := (after.get("writes") or {}).get("lost"):
        said = _("%(n)s acknowledged writes lost, held by %(who)s")
        who = ", ".join(after["writes"]["held_by"])
        return Effect(name, label, "workload", "lost", said % {"n": lost, "who": who})
    if before["finished_ns"] is not None and after["finished_ns"] is None:
        done = _("%(done)s of %(all)s done") % {"done": after["n"], "all": before["n"]}
        return Effect(name, label, "workload", "lost", _("lost: %(done)s") % {"done": done})
    old, new = before["finished_ns"] or 0, after["finished_ns"] or 0
    if abs(new - old) <= max(1000, old // 10**6):
        return Effect(name, label, "workload", "same", _("does not notice"))
    said = _("done %(time)s later") if new > old else _("done %(time)s sooner")
    kind = "slower" if new > old else "faster"
    return Effect(name, label, "workload", kind, said % {"time": simcore.show_time(abs(new - old))})
