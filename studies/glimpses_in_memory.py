"""The comparisons of :mod:`studies.glimpses` in one process, images in memory.

For notebooks: variants are trained one after the other, without folders and restarts.
One that has been trained for another study is not trained again.
"""

from collections.abc import Mapping
from dataclasses import replace

from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import KeypointBatches
from glimpse_rnn.checkpoint import RATE_FIELDS
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.model import GlimpseRegressor, get_model
from glimpse_rnn.training import train_epochs

Flags = Mapping[str, str]
"""Flags of ``train.py`` by name, as in :data:`studies.glimpses.STUDIES`."""


def train_studies(
    studies: Mapping[str, Mapping[str, Flags]],
    base: TrainSettings,
    images: KeypointSet,
    others: KeypointSet,
) -> tuple[dict[str, list[tuple]], dict[TrainSettings, GlimpseRegressor]]:
    """Train every variant of some studies and measure it.

    Args:
        studies: by name and variant, the flags in which it differs from ``base``.
        base: settings of all variants; ``path_data`` and folders are not used.
        images: to train on, in an order by the seed of ``base``.
        others: to measure on after the last epoch.

    Returns:
        By study a row for each variant: study, variant, seed, and the share of
        ``others``, in %, within each of :data:`glimpse_rnn.metrics.THRESHOLDS`; and the
        trained models by their settings.
    """
    tables: dict[str, list[tuple]] = {study: [] for study in studies}
    models: dict[TrainSettings, GlimpseRegressor] = {}
    rates: dict[TrainSettings, list[float]] = {}
    for study, variants in studies.items():
        for variant, flags in variants.items():
            settings = with_flags(base, flags)
            if settings not in models:
                models[settings] = get_model(settings)
                rates[settings] = _train(models[settings], settings, images, others)
            tables[study].append((study, variant, base.seed, *rates[settings]))
    return tables, models


def with_flags(settings: TrainSettings, flags: Flags) -> TrainSettings:
    """Return settings with some of them changed as flags change them."""
    kinds = {name: type(getattr(settings, name)) for name in flags}
    return replace(settings, **{name: kinds[name](flags[name]) for name in flags})


def _train(
    model: GlimpseRegressor,
    settings: TrainSettings,
    images: KeypointSet,
    others: KeypointSet,
) -> list[float]:
    """Train a model; return its rates in %, the narrowest distance first."""
    batches = KeypointBatches(
        images,
        settings.batch_size,
        settings.seed,
        sample_noise=model.sample_noise,
    )
    epochs, tested = range(settings.epochs), others.arrays()
    *_, row = train_epochs(model, batches, tested, epochs, lambda *_: None)
    return [row[name] for name in RATE_FIELDS]
