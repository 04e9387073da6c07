"""What is said of an edit: layers by their names in the drawing, and all that came, went or changed along."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from simweb import diagram

__all__ = ["names_of", "said_of"]

MOST_NAMES = 4


def names_of(tree: Any, texts: Mapping[str, Any]) -> dict[str, str]:
    """Each layer, device and program as the drawing calls it; with its id where two are called alike."""
    nodes = [*tree.nodes.values(), *tree.workloads]
    short = {node.id: diagram.names_of(tree, node, texts.get(node.is_, {}))[1] for node in nodes}
    alike = Counter(short.values())
    return {id_: name if alike[name] == 1 else f"{name} · {id_}" for id_, name in short.items()}


def said_of(before: Any, after: Any, verb: str, args: list[str], texts: Mapping[str, Any]) -> str:
    """One press told: `before` and `after` are the drafts."""
    changed = after is not before and (after.raw != before.raw or verb == "remove")
    if not changed or not after.is_editable:
        return ""
    was, now = names_of(before.tree, texts), names_of(after.tree, texts)
    taken = _taken(before, args[0]) if verb == "remove" else set()
    old, new = ([name for name in names if "." not in name] for names in (was, now))
    fresh = [name for name in new if name not in was or name in taken]
    gone = [name for name in old if name not in now or name in taken]
    swapped = [name for name in new if name not in fresh and after.node(name).is_ != before.node(name).is_]
    main, also = "", _("Along with it: %(what)s.")
    if verb == "add":
        place, on, is_ = args
        main = next((name for name in fresh if after.node(name).is_ == is_), "")
        said = {
            "above": _("Added: %(what)s on %(where)s."),
            "below": _("Added: %(what)s under %(where)s."),
            "beside": _("Added: %(what)s beside %(where)s."),
        }[place] % {"what": now.get(main, ""), "where": was[on]}
    elif verb == "remove" or (verb == "lift" and not getattr(before.node(args[0]), "holds", ())):
        main, also = args[0], _("Put there instead: %(what)s.")
        said = _("Removed: %(what)s.") % {"what": was[main]}
    elif verb == "lift":
        node = before.node(args[0])
        said = _("Taken out: %(what)s. What stood on it stands on %(where)s now: %(held)s.") % {
            "what": was[node.id],
            "where": was[node.parent],
            "held": _listed(was[held.id] for held in node.holds),
        }
        main = node.id
    elif verb == "move":
        said = _("Moved: %(what)s onto %(where)s.") % {"what": now[args[0]], "where": now[args[1]]}
    elif verb in ("left", "right"):
        said = _("Moved: %(what)s.") % {"what": now[args[0]]}
    elif verb == "double":
        main, also = fresh[0], _("With what stands on it: %(what)s.")
        said = _("Duplicated: %(what)s.") % {"what": was[args[0]]}
    elif verb == "swap":
        main = args[0]
        said = _("Now in its place: %(what)s.") % {"what": now[main]}
    elif verb == "aim":
        said = _("The program runs in %(what)s now.") % {"what": now[args[0]]}
    else:
        said, also = _("Mended."), _("Added: %(what)s.")
    sentences = (
        (_("Gone with it: %(what)s."), [was[name] for name in gone if name != main]),
        (also, [now[name] for name in fresh if name != main or verb == "remove"]),
        (_("Changed along with it: %(what)s."), [now[name] for name in swapped if name != main]),
    )
    return " ".join([said, *(sentence % {"what": _listed(names)} for sentence, names in sentences if names)])


def _taken(draft: Any, name: str) -> set[str]:
    """A layer, all that stands on it, and the programs there; a new one may have got the same id."""
    node = draft.node(name)
    own = {inner.id for inner in node.walk()} if hasattr(node, "walk") else {name}
    return own | {load.id for load in draft.tree.workloads if load.on in own}


def _listed(names: Iterable[str]) -> str:
    """A few of them, and how many more."""
    first, rest = list(names)[:MOST_NAMES], list(names)[MOST_NAMES:]
    text = _(", ").join(first)
    return _("%(some)s and %(n)s more") % {"some": text, "n": len(rest)} if rest else text
