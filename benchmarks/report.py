"""The table of a run: median and range of each figure, and its ratios to the pump and the hand-written loop."""

from statistics import median

from benchmarks.scenarios import Figures

__all__ = ["Results", "disturbances", "rendered", "summary"]

Results = dict[str, dict[str, list[Figures]]]
"""Scenario → worker → figures of each repetition."""


def summary(results: Results) -> dict[str, dict[str, dict[str, float | None]]]:
    """Scenario and figure → worker → median, lowest, highest, and ratios to the pump and the hand-written loop."""
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for scenario, by_worker in results.items():
        for name in dict.fromkeys(name for runs in by_worker.values() for run in runs for name in run):
            values = {worker: [run[name] for run in runs] for worker, runs in by_worker.items() if runs}
            medians = {worker: median(runs) for worker, runs in values.items()}
            figures[f"{scenario} {name}"] = {
                worker: {
                    "median": medians[worker],
                    "lowest": min(runs),
                    "highest": max(runs),
                    "ratio_to_pump": _ratio(medians[worker], medians.get("pump")),
                    "ratio_to_hand": _ratio(medians[worker], medians.get("hand")),
                }
                for worker, runs in values.items()
            }
    return figures


def _ratio(value: float, reference: float | None) -> float | None:
    return value / reference if reference else None


def disturbances(results: Results, tolerable_percent: float = 5) -> list[str]:
    """One sentence for each measurement in which other processes took more of the worker's core than that."""
    return [
        f"{scenario} {number}, {worker}: other processes had {share:.0f} % of the worker's core"
        for scenario, by_worker in results.items()
        for worker, runs in by_worker.items()
        for number, run in enumerate(runs, 1)
        if (share := run.get("others_core_percent", 0)) > tolerable_percent
    ]


def rendered(results: Results) -> str:
    """The table as text."""
    lines = [f"{'figure':<36}{'worker':<12}{'median':>12}{'range':>24}{'to pump':>10}{'to hand':>10}"]
    for figure, workers in summary(results).items():
        for worker, value in workers.items():
            spread = f"{value['lowest']:,.1f} to {value['highest']:,.1f}"
            ratios = (value["ratio_to_pump"], value["ratio_to_hand"])
            shown = "".join(f"{'' if ratio is None else f'{ratio:.2f} x':>10}" for ratio in ratios)
            lines.append(f"{figure:<36}{worker:<12}{value['median']:>12,.1f}{spread:>24}{shown}")
    return "\n".join(lines)
