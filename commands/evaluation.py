"""What both evaluations share: which network and data, and the report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..cli import check_files
from .options import add_output_folder, changed, network_path

if TYPE_CHECKING:
    from ..datasets import DataRef, KeypointData
    from ..evaluation import Choice
    from ..inference import Estimator, OnnxNetwork
    from ..models import PoseNet
    from ..tasks import BottomUpSettings, TopDownSettings

    Network = PoseNet | OnnxNetwork
    Settings = TypeVar("Settings", BottomUpSettings, TopDownSettings)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add what an evaluation leaves behind."""
    output = parser.add_argument_group("output")
    default = "output/eval/FOLDER-NPZ, by the names of the checkpoint and its folder"
    add_output_folder(output, "results.json and metrics.json", default)
    output.add_argument("--viz", action="store_true", help="write a picture of every image to viz/ in that folder")
    output.add_argument(
        "--show",
        action="store_true",
        help="show the same pictures in a window: any key for the next, q to show no more",
    )


class Evaluation:
    """An evaluation as options ask for it; what cannot be done is told before networks and data are opened.

    Parameters
    ----------
    arguments
        The options of the command.

    Attributes
    ----------
    path
        The file of the network.
    device
        Where it runs; None for exported networks.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        from ..configs import load_config
        from ..devices import parse_device
        from ..evaluation import output_folder
        from ..inference import is_exported

        self.path = network_path(arguments.checkpoint)
        self.device = parse_device(arguments.gpus, is_exported(self.path))
        named = arguments.subset in (None, "people", "all")
        check_files(truth=arguments.truth, subset=None if named else arguments.subset)
        self.output = output_folder(arguments.output, self.path, arguments.overwrite)
        self._arguments = arguments
        if arguments.config is not None:
            load_config(arguments.config)  # for the data set that it makes known

    def open_network(self, model: str | None = None) -> tuple[Network, Mapping[str, Any]]:
        """Return the network and its description; `model` is its name, if that in the file is not to count."""
        from ..inference import open_network

        return open_network(self.path, self._arguments.backend, self.device, model)

    def changed(self, settings: Settings) -> Settings:
        """Return the settings of a recipe with the options that were given in place of its own."""
        given = self._arguments
        data = settings.data.changed(
            given.dataset, given.dataset_root, given.split, given.category, given.skip_unlisted
        )
        return changed(settings, given, data=data)

    def open_data(self, data: DataRef, net: Network) -> KeypointData:
        """Return the data set, and give the body of the network the sigmas that were given."""
        from ..evaluation import apply_sigmas

        dataset = data.open(net.skeleton)
        apply_sigmas(net, dataset, self._arguments.sigmas)
        return dataset

    def notes(self, net: Network, data: DataRef) -> dict[str, Any]:
        """Return what ``metrics.json`` notes of network and data."""
        return {
            "dataset": data.root,
            "category": data.category or None,
            "skip_unlisted": data.skip_unlisted or None,
            "model": net.name,
            "checkpoint": str(self.path),
            "backend": self._arguments.backend or "default",
            "device": str(self.device or "cpu(0)"),
            "sigmas": self._arguments.sigmas,
        }

    def print_figures(
        self, estimator: Estimator, dataset: KeypointData, choice: Choice, notes: Mapping[str, Any]
    ) -> None:
        """Evaluate, and print the table of the figures."""
        from ..evaluation import Report, evaluate_dataset

        report = Report(self.output, self._arguments.viz, self._arguments.show, notes=notes)
        print(evaluate_dataset(estimator, dataset, choice, report)[1])
        print(f"results in {self.output}")
