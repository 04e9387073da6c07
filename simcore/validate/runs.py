"""All runs of all studies, each simulated once."""

from collections.abc import Callable
from statistics import median

from simcore.component import Entry
from simcore.stack.findings import ScenarioError

from .cases import Study
from .measure import Simulated, simulate

__all__ = ["Progress", "Runs"]

Progress = Callable[[int, int, str], None]


class Runs:
    """Each run is simulated once."""

    def __init__(self, studies: tuple[Study, ...], machine: Entry | None, progress: Progress | None) -> None:
        self.studies = {study.id: study for study in studies}
        self.machine = machine
        self.progress = progress
        self.done: dict[tuple[str, str, int], Simulated | str] = {}
        self.total = sum(run.seeds for study in studies for run in study.runs.values())

    def get(self, study: str, run: str) -> Simulated:
        """Raises ValueError if the run's scenario is not legal or it was cut."""
        if self.progress is not None and (study, run, 1) not in self.done:
            self.progress(len(self.done), self.total, f"{study} {run}")
        return self._simulated(study, run, 1)

    def _simulated(self, study: str, run: str, seed: int) -> Simulated:
        key = (study, run, seed)
        if key not in self.done:
            try:
                self.done[key] = simulate(self.studies[study].runs[run], self.machine_of(study), seed)
            except ScenarioError as error:
                self.done[key] = "; ".join(str(finding.as_dict()["message"]) for finding in error.findings)
            except ValueError as error:
                self.done[key] = str(error)
        found = self.done[key]
        if isinstance(found, str):
            raise ValueError(f"run {run}: {found}")
        return found

    def machine_of(self, study: str) -> str | None:
        profile = self.studies[study].profile
        if profile is None:
            return None
        return self.machine.id if self.machine is not None else profile

    def value(self, study: str, run: str, metric: str) -> float:
        """The metric of the run; the median, if it is made with several seeds."""
        values = [self.get(study, run).value(metric)]
        for seed in range(2, self.studies[study].runs[run].seeds + 1):
            values.append(self._simulated(study, run, seed).value(metric))
        return median(values)
