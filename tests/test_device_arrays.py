import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from common.device_arrays import (
    DeviceTable,
    array_namespace,
    compiled,
    compiled_model,
    copy_of,
    dtype_up_to,
    nbytes,
    next_power_of_two,
)
from hierarchy.replay import ReplayMemory, host_table

WRITES = st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), max_size=12)


@settings(deadline=None)  # the first compiles
@given(WRITES, st.lists(st.integers(0, 4), min_size=1, max_size=7))
def test_a_table_reads_and_writes_as_an_array_does(writes, places):
    table, array = DeviceTable(5, 3), host_table(5, 3)
    for place, number in writes:
        row = np.arange(number, number + 3, dtype=np.float32)
        table[place] = ops.convert_to_tensor(row)
        array[place] = row
    assert (table[:5] == array).all()
    assert (ops.convert_to_numpy(table[np.array(places)]) == array[places]).all()


def test_a_range_of_rows_is_written_at_once():
    table = DeviceTable(4, 2)
    table[3] = np.full(2, 7, np.float32)
    table[:2] = np.ones((2, 2), np.float32)
    assert table[:4].tolist() == [[1, 1], [1, 1], [0, 0], [7, 7]]


def test_rows_taken_are_not_those_written_later():
    table = DeviceTable(3, 2)
    taken = table[np.array([1])]
    table[1] = np.ones(2, np.float32)
    assert (ops.convert_to_numpy(taken) == 0).all()


@pytest.mark.parametrize("place, shape", [(0, (3,)), (0, (1, 2)), (slice(2), (1, 2))])
def test_rows_of_another_size_are_refused(place, shape):
    with pytest.raises(ValueError, match="expected"):
        DeviceTable(3, 2)[place] = np.zeros(shape, np.float32)


def address(array):
    return np.from_dlpack(array).ctypes.data


def test_a_copy_shares_no_memory():
    batch = ops.convert_to_tensor(np.ones((4, 25_088), np.float32))
    start, size = address(batch), nbytes(batch)
    for array in (batch[1], next(iter(batch)), np.ones((2, 3), np.float32)[0]):
        copied = copy_of(array)
        assert not start <= address(copied) < start + size
        assert address(copied) != address(array)
        assert (ops.convert_to_numpy(copied) == 1).all()


def filled(make_table, count=9):
    memory = ReplayMemory(6, 4, make_table=make_table)
    for number in range(count):
        state = np.full(4, number, np.float32)
        memory.store(state, number % 6 + 1, -1, state + 0.5, 0.9)
    return memory


def test_a_memory_on_the_device_remembers_the_same():
    here, there = filled(host_table), filled(DeviceTable)
    samples = (
        memory.sample(4, np.random.default_rng(0))._asdict() for memory in (here, there)
    )
    for one, other in zip(*(sample.values() for sample in samples), strict=True):
        assert np.array_equal(one, ops.convert_to_numpy(other), equal_nan=True)


@pytest.mark.parametrize("first, second", [(0, 1), (1, 0)])
def test_a_memory_is_restored_on_the_device_or_off_it(first, second):
    tables = host_table, DeviceTable
    saved = filled(tables[first]).get_state()
    assert all(isinstance(array, np.ndarray) for array in saved.values())
    restored = filled(tables[second], count=2)
    restored.set_state(saved)
    again = restored.get_state()
    assert saved.keys() == again.keys()
    for name in saved:
        assert np.array_equal(saved[name], again[name], equal_nan=True), name


def test_a_compiled_model_infers_as_it_does_and_sees_new_weights():
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    infer, x = compiled_model(model), np.ones((2, 3), np.float32)
    for factor in (1, 2):
        model.set_weights([factor * np.ones((3, 2)), np.zeros(2)])
        found = infer(ops.convert_to_tensor(x))
        assert not isinstance(found, np.ndarray)
        assert (ops.convert_to_numpy(found) == 3 * factor).all()


@pytest.mark.parametrize("fused", [True, False])
def test_compiled_functions_take_any_shape_in_silence(fused, capfd):
    double = compiled(lambda x: 2 * x, fused=fused)
    for size in range(1, 9):
        found = double(ops.arange(size, dtype="int32"))
        assert ops.convert_to_numpy(found).tolist() == list(range(0, 2 * size, 2))
    assert "retracing" not in capfd.readouterr().err


def test_batches_are_filled_up_to_powers_of_two():
    found = [next_power_of_two(number) for number in range(1, 10)]
    assert found == [1, 2, 4, 4, 8, 8, 8, 8, 16]


@pytest.mark.parametrize("dtype, size", [("float32", 4), ("uint8", 1), ("int32", 4)])
def test_bytes_are_those_of_numpys_array(dtype, size):
    here, there = np.zeros((3, 5), dtype), ops.zeros((3, 5), dtype)
    assert nbytes(here) == nbytes(there) == here.nbytes == 15 * size


def test_arrays_are_told_apart():
    assert array_namespace(np.zeros(1)) is np
    assert array_namespace(ops.zeros(1)) is ops


@pytest.mark.parametrize("largest", [255, 2**15 - 1, 2**15, 2**24, 2**24 + 1])
@pytest.mark.parametrize("devices", [[], ["a GPU"]])
def test_whole_numbers_are_exact_in_their_dtype(monkeypatch, largest, devices):
    is_tensorflow = keras.config.backend() == "tensorflow"
    if is_tensorflow:
        import tensorflow as tf

        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices)
    dtype = dtype_up_to(largest)
    numbers = np.array([largest, largest - 1, -largest])
    assert (numbers.astype(dtype).astype(np.int64) == numbers).all()
    assert dtype != "int16" or not (is_tensorflow and devices)
