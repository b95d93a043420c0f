"""Image files of every kind, whole and broken, into RGB."""

import io
import os
import random
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.errors import InputError
from common.images import find_images, read_bytes, read_image, read_size

ON_FILES = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    """Smooth RGB pixels, no two corners alike, that JPEG keeps nearly."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = rows * 255 // (height - 1), columns * 255 // (width - 1)
    return np.stack([red, green, 255 - red], axis=-1).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def saved(path: Path, image: Image.Image, kind: str, **options) -> Path:
    path.write_bytes(encoded(image, kind, **options))
    return path


def failure_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_image(path)
    line = str(caught.value)
    assert line.splitlines() == [line]
    assert str(path) in line
    return line


def test_rgb_png_comes_out_as_it_went_in(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(picture()), "PNG")
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, picture())
    pixels[:] = 0  # the caller may write to it


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_are_close(tmp_path, kind):
    path = saved(tmp_path / "a", Image.fromarray(picture()), kind, quality=95)
    difference = read_image(path).astype(int) - picture()
    assert np.abs(difference).mean() < 6


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM"])
def test_lossless_formats_are_the_same(tmp_path, kind):
    path = saved(tmp_path / "a", Image.fromarray(picture()), kind)
    np.testing.assert_array_equal(read_image(path), picture())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_grey_is_repeated_in_three_channels(tmp_path, kind):
    grey = np.full((6, 9), 77, np.uint8)
    path = saved(tmp_path / "a", Image.fromarray(grey), kind)
    np.testing.assert_array_equal(read_image(path), np.full((6, 9, 3), 77))


def test_black_and_white(tmp_path):
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    pixels = read_image(saved(tmp_path / "a.png", bits, "PNG"))
    np.testing.assert_array_equal(pixels[..., 1], [[0, 255], [255, 0]])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, kind):
    wide = np.array([[0, 257, 32768, 65535]], np.uint16)
    pixels = read_image(saved(tmp_path / "a", Image.fromarray(wide), kind))
    np.testing.assert_array_equal(pixels[0, :, 2], [0, 1, 128, 255])


def test_big_endian_sixteen_bit_grey(tmp_path):
    wide = Image.frombytes("I;16B", (2, 1), b"\x80\x00\xff\xff")
    pixels = read_image(saved(tmp_path / "a.tif", wide, "TIFF"))
    np.testing.assert_array_equal(pixels[0, :, 0], [128, 255])


def test_palette(tmp_path):
    colours = Image.fromarray(picture()).quantize(16)
    path = saved(tmp_path / "a.gif", colours, "GIF")
    np.testing.assert_array_equal(read_image(path), np.array(colours.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_transparent_pixels_lie_on_white(tmp_path, mode):
    image = Image.fromarray(
        np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8), "RGBA"
    )
    if mode == "LA":
        image = image.convert("LA")
    options = {}
    if mode in ("P", "PA"):
        image = Image.frombytes("P", (2, 1), b"\x01\x00")
        image.putpalette([0, 0, 0, 0, 0, 0])
        options = {"transparency": 1}
    kind = "GIF" if mode == "PA" else "PNG"
    pixels = read_image(saved(tmp_path / "a", image, kind, **options))
    np.testing.assert_array_equal(pixels[0], [[255] * 3, [0] * 3])


def test_half_transparent_is_half_white(tmp_path):
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 127))
    assert read_image(saved(tmp_path / "a.png", image, "PNG"))[0, 0, 0] == 128


def test_cmyk_jpeg(tmp_path):
    ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    pixels = read_image(saved(tmp_path / "a.jpg", ink, "JPEG", quality=100))
    assert np.abs(pixels[8, 8].astype(int) - [0, 255, 255]).max() <= 3


def test_ycck_jpeg(tmp_path):
    # Pillow writes no YCCK, but a CMYK file whose Adobe marker says YCCK is one: the
    # planes, stored inverted, are then luma, two chromas and black.
    luma, blueness, redness, black = 120, 90, 170, 0
    planes = (255 - luma, 255 - blueness, 255 - redness, black)
    data = encoded(Image.new("CMYK", (16, 16), planes), "JPEG", quality=100)
    marker = data.index(b"Adobe") + 11
    assert data[marker] == 0
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:marker] + b"\x02" + data[marker + 1 :])
    red = luma + 1.402 * (redness - 128)
    blue = luma + 1.772 * (blueness - 128)
    green = luma - 0.344136 * (blueness - 128) - 0.714136 * (redness - 128)
    # The decoded channels are inks, of which as much is missing as there is light.
    expected = 255 - np.array([red, green, blue])
    assert np.abs(read_image(path)[8, 8] - expected).max() <= 3


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = saved(
        tmp_path / "a.gif", frames[0], "GIF", save_all=True, append_images=frames[1:]
    )
    np.testing.assert_array_equal(read_image(path)[0, 0], [255, 0, 0])


# What each orientation asks for, written with NumPy to check Pillow's constants.
TURNED = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored),
    9: lambda stored: stored,
}


def with_orientation(path: Path, orientation: int, kind: str = "PNG") -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(path, Image.fromarray(picture()), kind, exif=exif)


@pytest.mark.parametrize("orientation", TURNED)
def test_orientation_is_applied_as_viewers_do(tmp_path, orientation):
    path = with_orientation(tmp_path / "a.png", orientation)
    np.testing.assert_array_equal(read_image(path), TURNED[orientation](picture()))


@pytest.mark.parametrize(
    ("annotated", "shape"),
    [
        ((20, 30), (20, 30, 3)),  # fits the stored pixels only
        ((30, 20), (30, 20, 3)),
        ((99, 99), (30, 20, 3)),  # fits neither: as viewers do
        (None, (30, 20, 3)),
    ],
)
def test_annotated_size_decides_about_the_orientation(tmp_path, annotated, shape):
    path = with_orientation(tmp_path / "a.jpg", 6, "JPEG")
    assert read_image(path, annotated).shape == shape


def test_turn_by_half_is_applied_where_both_sizes_fit(tmp_path):
    path = with_orientation(tmp_path / "a.png", 3)
    np.testing.assert_array_equal(read_image(path, (20, 30)), TURNED[3](picture()))


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("annotated", [None, (20, 30), (30, 20), (99, 99)])
def test_the_header_tells_the_size_that_reading_gives(tmp_path, orientation, annotated):
    path = with_orientation(tmp_path / "a.jpg", orientation, "JPEG")
    assert read_size(path, annotated) == read_image(path, annotated).shape[:2]


def test_sizes_of_files_that_are_no_images(tmp_path):
    path = tmp_path / "a.jpg"
    for content, words in ((b"", "is empty"), (b"text", "no image that can be read")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_size(path)


def test_damaged_exif_does_not_cost_the_image(tmp_path):
    image = Image.fromarray(picture())
    path = saved(tmp_path / "a.jpg", image, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff")
    assert read_image(path).shape == (20, 30, 3)


def test_missing_file(tmp_path):
    assert "no such file" in failure_of(tmp_path / "none.jpg")


def test_folder_instead_of_a_file(tmp_path):
    assert "not a file" in failure_of(tmp_path)


def test_name_longer_than_the_system_allows(tmp_path):
    failure_of(tmp_path / ("x" * 5000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not a file" in failure_of(tmp_path / "pipe.jpg")


def test_empty_file(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert "empty" in failure_of(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "data", [b"<html></html>", b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9]
)
def test_file_that_is_no_image(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    assert "no image" in failure_of(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_truncated_file(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    assert "truncated" in failure_of(tmp_path / "a")


@pytest.mark.slow
@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
def test_decompression_bomb(tmp_path, side):
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = side.to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0]))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "pixels" in failure_of(tmp_path / "a.png")


def reads_or_says_why(path: Path) -> None:
    """What has to hold for any file whatsoever."""
    try:
        pixels = read_image(path)
    except InputError:
        failure_of(path)
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3


@ON_FILES
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"\xff\xd8\xff\xe0"]))
def test_any_bytes(tmp_path, data, start):
    (tmp_path / "a.jpg").write_bytes(start + data)
    reads_or_says_why(tmp_path / "a.jpg")


@ON_FILES
@given(kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP"]), data=st.data())
def test_any_truncation(tmp_path, kind, data):
    whole = encoded(Image.fromarray(picture()), kind)
    length = data.draw(st.integers(0, len(whole)))
    (tmp_path / "a").write_bytes(whole[:length])
    reads_or_says_why(tmp_path / "a")


@ON_FILES
@given(kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP"]), seed=st.integers())
def test_any_damage(tmp_path, kind, seed):
    damaged = bytearray(encoded(Image.fromarray(picture()), kind))
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 20)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    (tmp_path / "a").write_bytes(damaged)
    reads_or_says_why(tmp_path / "a")


def test_read_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a") == b"abc"


def test_find_images_takes_files_as_given_and_searches_folders(tmp_path):
    names = ["b.JPG", "a.png", "deep/er/c.jpeg", "notes.txt", ".hidden.jpg"]
    for name in [*names, ".thumbnails/d.jpg", "z.dat"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = find_images([tmp_path / "z.dat", str(tmp_path), tmp_path / "a.png"])
    expected = ["z.dat", "a.png", "b.JPG", "deep/er/c.jpeg"]
    assert found == [tmp_path / name for name in expected]


def test_find_images_in_a_hidden_folder_that_is_asked_for(tmp_path):
    (tmp_path / ".photos").mkdir()
    (tmp_path / ".photos" / "a.jpg").touch()
    assert len(find_images([tmp_path / ".photos"])) == 1


@pytest.mark.parametrize("name", ["none", "empty"])
def test_find_images_names_the_path_without_images(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    with pytest.raises(InputError, match=name) as caught:
        find_images([tmp_path / name])
    assert len(str(caught.value).splitlines()) == 1
