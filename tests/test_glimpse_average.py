import dataclasses

import numpy as np
import pytest

from common.errors import InputError
from glimpse_rnn.average import Settings, main, write_mean
from glimpse_rnn.checkpoint import load_weights, save_weights
from glimpse_rnn.config import ModelSettings
from glimpse_rnn.model import get_model

SMALL = ModelSettings(
    image_size=16, glimpses=2, bandwidth=4, radius=2, levels=2, state_size=8
)


def saved(path, number, settings=SMALL):
    """Save a model whose weights are random, and return them."""
    model = get_model(settings)
    random = np.random.default_rng(number)
    weights = [
        random.normal(size=w.shape).astype("float32") for w in model.get_weights()
    ]
    model.set_weights(weights)
    save_weights(model, path)
    return weights


def folder_of(tmp_path, epochs):
    """Make a folder of finished epochs, and return their weights."""
    for epoch in range(epochs):
        (tmp_path / f"model_epoch_{epoch}.state.h5").touch()
    return [
        saved(tmp_path / f"model_epoch_{epoch}.weights.h5", epoch)
        for epoch in range(epochs)
    ]


@pytest.mark.slow
def test_the_mean_is_a_checkpoint_of_the_mean_weights(tmp_path, capsys):
    weights = folder_of(tmp_path, 4)
    main(Settings(tmp_path, last=3))
    assert "mean of epochs 1 to 3" in capsys.readouterr().out
    model = get_model(SMALL)
    load_weights(model, tmp_path / "model_mean.weights.h5")
    for found, *ones in zip(model.get_weights(), *weights[1:], strict=True):
        assert found == pytest.approx(np.mean(ones, axis=0), abs=1e-6)


def test_one_epoch_is_its_own_mean(tmp_path):
    weights = saved(tmp_path / "one.weights.h5", 0)
    write_mean([tmp_path / "one.weights.h5"], tmp_path / "mean.weights.h5")
    model = get_model(SMALL)
    load_weights(model, tmp_path / "mean.weights.h5")
    for found, one in zip(model.get_weights(), weights, strict=True):
        assert (found == one).all()


def test_weights_of_another_model_are_refused_and_nothing_is_written(tmp_path):
    paths = [tmp_path / "one.weights.h5", tmp_path / "other.weights.h5"]
    saved(paths[0], 0)
    saved(paths[1], 1, dataclasses.replace(SMALL, state_size=9))
    with pytest.raises(InputError, match=r"other\.weights\.h5.*another model"):
        write_mean(paths, tmp_path / "mean.weights.h5")
    paths[1].write_bytes(paths[0].read_bytes()[:1000])
    with pytest.raises(InputError, match=r"other\.weights\.h5.*cut short"):
        write_mean(paths, tmp_path / "mean.weights.h5")
    assert not (tmp_path / "mean.weights.h5").exists()


@pytest.mark.parametrize("last", [0, 3])
def test_more_epochs_than_there_are_is_refused(tmp_path, last):
    folder_of(tmp_path, 2)
    with pytest.raises(InputError, match=f"last is {last}; expected 1 to 2"):
        main(Settings(tmp_path, last))


@pytest.mark.parametrize("name", ["model", "model_epoch_1"])
def test_no_checkpoint_of_training_is_written_over(tmp_path, name):
    folder_of(tmp_path, 2)
    with pytest.raises(InputError, match="name is"):
        main(Settings(tmp_path, 2, name))


@pytest.mark.slow
def test_batch_normalisation_is_averaged_too(tmp_path):
    settings = dataclasses.replace(SMALL, batch_norm=1)
    paths = [tmp_path / f"{number}.weights.h5" for number in range(2)]
    weights = [saved(path, number, settings) for number, path in enumerate(paths)]
    write_mean(paths, tmp_path / "mean.weights.h5")
    model = get_model(settings)
    load_weights(model, tmp_path / "mean.weights.h5")
    assert len(model.get_weights()) > len(get_model(SMALL).get_weights())
    for found, *ones in zip(model.get_weights(), *weights, strict=True):
        assert found == pytest.approx(np.mean(ones, axis=0), abs=1e-6)
