"""The catalogue: found by looking, faults all at once, and every entry complete."""

import tomllib

import pytest

import simcore
from simcore.calibrate import probes
from simcore.catalog import FOLDERS, load_catalog
from simcore.component import LANGUAGES
from simcore.texts import sources
from simcore.timings import EntryError

ENTRIES = list(simcore.catalog().entries.values())
GOOD = """
model = "simcore.devices.x:X"
role = "device"
sits_on = ["vm"]
aliases = ["old-name"]
[settings.depth]
type = "int"
default = 4
min = 1
max = 64
[timings.read]
time = "10 us"
status = "assumed"
reason = "a test"
"""


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name.replace('_', '-')}.toml").write_text(text)
        return (tmp_path,)

    return write


def test_existing_as_a_file_is_being_registered(folder):
    catalog = load_catalog(folder(some_disk=GOOD))
    assert list(catalog.entries) == ["some-disk"]
    assert catalog["some-disk"].settings["depth"].default == 4


def test_an_old_id_leads_to_the_entry(folder):
    assert load_catalog(folder(some_disk=GOOD))["old-name"].id == "some-disk"


def test_texts_are_not_taken_for_entries(folder):
    (folder()[0] / "some-disk.en.toml").write_text("label = 'x'")
    assert load_catalog(folder(some_disk=GOOD)).entries.keys() == {"some-disk"}


def test_an_unknown_id_is_answered_with_the_nearest(folder):
    with pytest.raises(KeyError, match="nearest: some-disk"):
        load_catalog(folder(some_disk=GOOD))["some-disc"]


def test_all_faults_of_all_files_are_reported_together(folder):
    bad = (
        GOOD.replace('"device"', '"gadget"').replace("default = 4", "default = 99").replace('"10 us"', '"10"')
    )
    with pytest.raises(EntryError) as caught:
        load_catalog(folder(first=bad, second="not toml ["))
    text = "\n".join(caught.value.faults)
    for word in ("first.toml", "gadget", "99", "'10'", "second.toml", "old-name")[:5]:
        assert word in text


def test_two_entries_cannot_have_one_id(folder):
    with pytest.raises(EntryError, match=r"old-name.*taken"):
        load_catalog(folder(first=GOOD, second=GOOD))


def test_the_version_changes_with_any_number(folder, tmp_path):
    before = load_catalog(folder(some_disk=GOOD)).version
    other = tmp_path / "other"
    other.mkdir()
    (other / "some-disk.toml").write_text(GOOD.replace("10 us", "11 us"))
    assert len(before) == 12
    assert load_catalog((other,)).version != before


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_has_the_same_texts_in_every_language(entry):
    def keys(table, path=""):
        for key, value in table.items():
            yield from keys(value, f"{path}{key}.") if isinstance(value, dict) else [f"{path}{key}"]

    first, *others = [set(keys(entry.texts(lang))) for lang in LANGUAGES]
    assert all(other == first for other in others)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_is_described(entry, lang):
    texts = entry.texts(lang)
    assert {"label", "short", "sub", "note", "era"} <= texts.keys()
    assert len(texts["short"]) <= 22
    assert len(texts["sub"]) <= 48
    assert texts.get("settings", {}).keys() == entry.settings.keys()
    measured = {name for probe in probes() for name in probe.QUANTITIES} if entry.is_profile else set()
    assert entry.timings.keys() - measured <= texts.get("ops", {}).keys()
    for op, words in texts.get("ops", {}).items():
        assert {"name", "say", "explain"} <= words.keys(), op


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_cited_source_is_in_the_list_of_sources(entry):
    numbers = [*entry.timings.values(), *entry.constants.values()]
    cited = {one.source for number in numbers for one in (number, *number.also) if one.source}
    assert cited <= sources().keys()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_number_that_can_be_set_has_limits(entry):
    for name, setting in entry.settings.items():
        if setting.type in ("int", "cpus"):
            assert setting.min is not None, name
            assert setting.max is not None, name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_model_exists(entry):
    assert entry.model_class.__doc__ or entry.model_class.__name__


def test_every_need_is_offered_by_some_component():
    offered = {capability for entry in ENTRIES for capability in entry.provides}
    offered |= {s.provides for entry in ENTRIES for s in entry.settings.values() if s.provides}
    assert {need for entry in ENTRIES for need in entry.needs} <= offered


def test_every_file_in_the_role_folders_belongs_to_an_entry():
    names = {entry.id for entry in ENTRIES}
    for file in (file for folder in FOLDERS for file in folder.glob("*.toml")):
        assert file.name.split(".")[0] in names
        tomllib.loads(file.read_text(encoding="utf-8"))
