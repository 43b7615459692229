"""The score of a network that is being trained, which trainings know nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from easydict import EasyDict

    from ..models import PoseNet
    from ..training.scoring import Score, Scorer


def scorer_of(config: EasyDict) -> Scorer | None:
    """Return what scores a network on the first of the validation images of a recipe, at one scale.

    Parameters
    ----------
    config
        The recipe, whose section ``test`` says how; None is returned if it asks for no score.

    Raises
    ------
    CpmError
        If the data are not what they should be.
    """
    from ..configs import to_json
    from ..evaluation import METRICS, Choice, Report, evaluate_dataset
    from ..skeletons import skeleton_from_spec, skeleton_to_spec
    from ..tasks import TASKS
    from ..tasks.task import tested_data
    from ..training.scoring import Score

    if not config.train.score_every:
        return None
    task = TASKS[config.task]
    dataset = tested_data(config).open(skeleton_from_spec(config.labels.skeleton))
    metric = METRICS[dataset.metric]
    choice = Choice(limit=config.train.score_limit)

    def score(net: PoseNet) -> Score:
        meta = {"config": to_json(config), "skeleton": skeleton_to_spec(net.skeleton)}
        estimator = task.finder(net, meta, config.name, {}).at_one_scale()
        figures, _ = evaluate_dataset(estimator, dataset, choice, Report(progress=False))
        return Score(metric.name, float(figures[metric.figure]), metric.top)

    return score
