"""The page on published results: its figures are those of the recipes, its hours follow from the networks."""

import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

import cpm.configs
from cpm.configs import list_configs, load_config
from cpm.models import get_model

from .conftest import ROOT

PAGE = (ROOT / "docs" / "reproduce.md").read_text()
RECIPES = Path(cpm.configs.__file__).parent
OWN = {"cpm_mobilenet_coco", "cpm_res50_coco", "cpm_vgg19_coco", "cpm_vgg19_mpii", "quickstart", "quickstart_topdown"}
PUBLISHED = [name for name in list_configs() if name not in OWN]


@pytest.mark.parametrize("name", PUBLISHED)
def test_figures_are_those_of_the_recipe(name):
    head = (RECIPES / f"{name}.py").read_text().split('"""')[1]
    figures = re.findall(
        r"(?:AP|PCKh@0\.5|, |: )(?: ?)(0\.\d{3}|\d\d\.\d{3})\b(?! at)", re.sub(r"\(AP50[^)]*\)", "", head)
    )
    assert [figure for figure in figures if figure not in PAGE] == []


@pytest.mark.parametrize("name", list_configs("bottom_up"))
def test_recipes_of_other_systems_are_named(name):
    assert name in OWN or name in re.findall(r"\w+", PAGE)


def rows_of_hours():
    """Return the rows of the table: the recipe, multiply-adds (10^9), samples, epochs and hours."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.split("## How long")[1], re.MULTILINE)
    return [(name, *(float(cell.replace(",", "")) for cell in cells.split(" | "))) for name, cells in rows]


@pytest.mark.parametrize(("name", "products", "samples", "epochs", "hours"), rows_of_hours())
def test_hours_follow_from_the_work(name, products, samples, epochs, hours):
    operations = 3 * 2 * products * 1e9  # forward and, twice that, backward; a product and a sum each
    assert hours == round(operations * samples * epochs / 1e13 / 3600)


@pytest.mark.slow("runs the large networks")
@pytest.mark.parametrize(("name", "products"), [row[:2] for row in rows_of_hours()])
def test_multiply_adds_are_those_of_the_network(name, products):
    config = load_config(name)
    crop = config.augment
    size = crop.size if config.task == "top_down" else (crop.crop, crop.crop)
    net = get_model(config.model.name, skeleton=config.labels.skeleton, **config.model.options)
    assert round(count_products(net, size) / 1e9, 1) == products


def count_products(net, size):
    """Return the multiply-adds of a network's convolutions for one picture of a size (H, W)."""
    counts = []

    def count(block, inputs, output):
        cells = inputs[0] if isinstance(block, mx.gluon.nn.Conv2DTranspose) else output
        counts.append(np.prod(cells.shape[2:]) * np.prod(block.weight.shape))

    def watch(block):
        if isinstance(block, (mx.gluon.nn.Conv2D, mx.gluon.nn.Conv2DTranspose)):
            block.register_forward_hook(count)

    net.hybridize(False)
    net.apply(watch)
    net(mx.nd.zeros((1, *size, 3)))
    return sum(counts)
