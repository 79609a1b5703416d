from __future__ import annotations

import gzip
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from ontogym.errors import OntogymError, UnknownNameError
from ontogym.studies.digits import read_idx
from ontogym.studies.wave_pretraining import readers
from ontogym.studies.wave_pretraining.image_folder import ImageFolder
from ontogym.studies.wave_pretraining.images import (
    ArrayImages,
    Images,
    ShuffledLabels,
    Subset,
    digest,
)
from ontogym.studies.wave_pretraining.opening import open_images
from ontogym.studies.wave_pretraining.schedule import TrainingConfig
from ontogym.studies.wave_pretraining.training import train

from .bars import bars

RNG = np.random.default_rng(0)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist_folder(tmp_path):
    images = {
        "train": RNG.integers(0, 256, (12, 5, 4), np.uint8),
        "t10k": RNG.integers(0, 256, (4, 5, 4), np.uint8),
    }
    for split, pixels in images.items():
        labels = (np.arange(len(pixels)) % 10).astype(np.uint8)
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx(pixels))
        (tmp_path / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path, images


def test_idx_files_raw_and_gzipped(mnist_folder):
    folder, pixels = mnist_folder
    found = open_images(f"fashion-mnist:{folder}")
    assert isinstance(found, Images)
    assert (found.classes, found.channels, len(found.train), len(found.validation)) == (10, 1, 12, 4)
    both = np.concatenate([pixels["train"], pixels["t10k"]])
    order = np.array([15, 0, 3, 12])
    np.testing.assert_array_equal(found.read(order), both[order])
    np.testing.assert_array_equal(found.labels[order], [3, 0, 3, 0])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda b: b[:-1], "instead of 256"),
        (lambda b: b + b"x", "instead of 256"),
        (lambda b: b"\x00\x00\x0d\x03" + b[4:], "no idx file"),
        (lambda b: b[:10], "damaged"),
        (lambda b: b"", "no idx file"),
        (lambda b: gzip.compress(b)[:-20], "download it again"),
        (lambda b: struct.pack(">4I", 0x803, 2**31, 2**31, 2**31) + b, "damaged"),
    ],
)
def test_damaged_idx_files(mnist_folder, spoil, says):
    folder, _ = mnist_folder
    file = folder / "train-images-idx3-ubyte"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(OntogymError, match=says):
        readers.mnist(folder)


def test_what_is_no_idx_file_is_not_unpacked(tmp_path, monkeypatch):
    """Its first four bytes are enough."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(2**24)))
    read, sizes = gzip.GzipFile.read, []
    monkeypatch.setattr(gzip.GzipFile, "read", lambda file, size=-1: sizes.append(size) or read(file, size))
    with pytest.raises(OntogymError, match="no idx file of bytes"):
        read_idx(path)
    assert sizes == [4]


def test_missing_and_confused_idx_files(mnist_folder, tmp_path, monkeypatch):
    folder, _ = mnist_folder
    (folder / "t10k-labels-idx1-ubyte.gz").rename(folder / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(OntogymError, match="no t10k-labels-idx1-ubyte"):
        readers.mnist(folder)
    (folder / "t10k-labels-idx1-ubyte").write_bytes((folder / "train-images-idx3-ubyte").read_bytes())
    with pytest.raises(OntogymError, match="does not hold the labels"):
        readers.mnist(folder)
    monkeypatch.setattr(readers, "FASHION_MNIST", tmp_path / "nowhere")
    with pytest.raises(OntogymError, match="dataset-fashion-mnist"):
        readers.fashion_mnist(tmp_path / "nowhere")


def cifar(labels: np.ndarray, pixels: np.ndarray) -> bytes:
    """Records of labels ``(n, 1 or 2)`` and colour planes ``(n, 3072)``."""
    return np.concatenate([labels.astype(np.uint8), pixels], 1).tobytes()


def test_cifar_100(tmp_path):
    pixels = RNG.integers(0, 256, (5, 3072), np.uint8)
    labels = np.array([[1, 99], [2, 0], [3, 50], [4, 7], [5, 7]])
    (tmp_path / "train.bin").write_bytes(cifar(labels, pixels))
    (tmp_path / "test.bin").write_bytes(cifar(labels[:2], pixels[:2]))
    found = open_images(f"cifar100:{tmp_path}")
    assert (found.classes, found.channels) == (100, 3)
    np.testing.assert_array_equal(found.labels, [99, 0, 50, 7, 7, 99, 0])  # fine, not coarse
    # Planes of red, green and blue, row by row.
    image = found.read(np.array([2]))[0]
    assert image.shape == (32, 32, 3)
    assert image[1, 2, 0] == pixels[2, 34]
    assert image[31, 0, 2] == pixels[2, 2048 + 31 * 32]
    (tmp_path / "test.bin").write_bytes(cifar(labels, pixels)[:-1])
    with pytest.raises(OntogymError, match="whole number of records of 3074"):
        readers.cifar100(tmp_path)
    (tmp_path / "test.bin").write_bytes(cifar(labels + 1, pixels))
    with pytest.raises(OntogymError, match="label 100"):
        readers.cifar100(tmp_path)
    (tmp_path / "test.bin").unlink()
    with pytest.raises(OntogymError, match="Cannot read"):
        readers.cifar100(tmp_path)


def test_cifar_10(tmp_path):
    with pytest.raises(OntogymError, match="data_batch_1"):
        readers.cifar10(tmp_path)
    pixels, labels = RNG.integers(0, 256, (3, 3072), np.uint8), np.array([[9], [0], [4]])
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(cifar(labels, pixels))
    found = readers.cifar10(tmp_path)
    assert (found.classes, len(found.train), len(found.validation)) == (10, 6, 3)
    np.testing.assert_array_equal(found.labels, [9, 0, 4] * 3)


def picture(path, value, mode="RGB", shape=(20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(shape if mode == "L" else (*shape, 3), value, np.uint8)
    Image.fromarray(pixels).save(path)


def test_folders_of_images(tmp_path):
    for k in range(3):
        picture(tmp_path / "train" / "cat" / f"{k}.png", 10 + k)
        picture(tmp_path / "train" / "dog" / "deep" / f"{k}.jpg", 200)
    picture(tmp_path / "val" / "dog" / "a.png", 99, "L")
    (tmp_path / "train" / "cat" / "readme.txt").write_text("no image")
    found = ImageFolder(tmp_path, size=16)
    assert found.class_names == ["cat", "dog"]
    assert (found.channels, len(found.train), len(found.validation)) == (3, 6, 1)
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1, 1, 1])
    images = found.read(np.array([2, 6]))
    assert images.shape == (2, 16, 16, 3)
    assert (images[0] == 12).all()
    assert (images[1] == 99).all()
    (tmp_path / "train" / "cat" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    with pytest.raises(OntogymError, match=r"Cannot read the image .*1\.png"):
        found.read(np.arange(3))
    picture(tmp_path / "val" / "cow" / "a.png", 99)
    with pytest.raises(OntogymError, match="'cow'"):
        ImageFolder(tmp_path)


def test_folders_without_a_split_keep_the_end_of_every_class_for_validation(tmp_path):
    for k in range(10):
        picture(tmp_path / "a" / f"{k}.png", k, "L")
    picture(tmp_path / "b" / "0.png", 77, "L")
    found = ImageFolder(tmp_path, size=16)
    assert found.channels == 1
    np.testing.assert_array_equal(found.read(found.validation)[:, 0, 0], [8, 9])
    (tmp_path / "c").mkdir()
    with pytest.raises(OntogymError, match="holds no image"):
        ImageFolder(tmp_path)
    (tmp_path / "train").mkdir()
    picture(tmp_path / "train" / "a" / "0.png", 1)
    with pytest.raises(OntogymError, match="none called val"):
        ImageFolder(tmp_path)


def test_images_in_no_class_and_classes_too_small_for_validation_are_told(tmp_path, recwarn):
    for k in range(5):
        picture(tmp_path / "a" / f"{k}.png", k, "L")
    ImageFolder(tmp_path, size=16)
    assert not recwarn.list
    for k in range(3):
        picture(tmp_path / f"{k}.png", k, "L")
    with pytest.warns(UserWarning, match=r"3 images that lie in .* \(0\.png\) are passed over"):
        assert len(ImageFolder(tmp_path, size=16).labels) == 5
    few = tmp_path / "few"
    picture(few / "a" / "0.png", 1, "L")
    with pytest.warns(UserWarning, match="has five images"):
        assert not len(ImageFolder(few, size=16).validation)


def test_one_class_is_nothing_to_classify(tmp_path):
    for k in range(10):
        picture(tmp_path / "set" / "a" / f"{k}.png", 10 * k, "L", (32, 32))
    images = ImageFolder(tmp_path / "set", size=32)
    settings = {"network": "small", "epochs": 1, "batch": 4}
    with pytest.raises(OntogymError, match=r"all of one class.*simclr"):
        train(TrainingConfig(**settings), images, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert train(TrainingConfig(method="simclr", **settings), images, tmp_path / "run").history


def test_digits_of_scikit_learn():
    pytest.importorskip("sklearn")
    found = open_images("digits")
    assert (len(found.train), len(found.validation), found.classes) == (1438, 359, 10)
    assert np.bincount(found.labels[found.validation], minlength=10).min() > 20
    assert found.read(found.train).max() == 255


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(OntogymError, match=r"pip install 'ontogym\[digits\]'"):
        open_images("digits")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("fashion-minst", "did you mean 'fashion-mnist'"),
        ("cifar100", "cifar100:PATH"),
        ("digits:x", "takes no path"),
        ("./nowhere", "no folder ./nowhere"),
        ("cifar99:x", "Unknown image set"),
    ],
)
def test_words_that_name_no_set(word, says):
    with pytest.raises(OntogymError, match=says):
        open_images(word)
    with pytest.raises(UnknownNameError):
        open_images("nonsense")


def test_a_word_may_be_the_folder_of_a_data_set(tmp_path):
    with pytest.raises(OntogymError, match="no image set"):
        open_images(str(tmp_path))


def test_shuffled_labels_keep_class_counts_and_images():
    plain = bars()
    shuffled, again = ShuffledLabels(plain, 5), ShuffledLabels(plain, 5)
    for part in (plain.train, plain.validation):
        np.testing.assert_array_equal(np.bincount(shuffled.labels[part]), np.bincount(plain.labels[part]))
        assert 0.1 < np.mean(shuffled.labels[part] == plain.labels[part]) < 0.5  # a quarter by chance
    np.testing.assert_array_equal(shuffled.labels, again.labels)
    np.testing.assert_array_equal(shuffled.read(plain.train), plain.read(plain.train))
    assert digest(shuffled) != digest(plain)


def test_subsets_share_out_the_classes_and_nest():
    plain = bars()
    few, more = Subset(plain, 10, 4, seed=2), Subset(plain, 40, None, seed=2)
    assert np.ptp(np.bincount(plain.labels[few.train], minlength=4)) == 1
    assert set(few.train) < set(more.train)
    assert (len(few.validation), len(more.validation)) == (4, len(plain.validation))
    with pytest.raises(OntogymError, match="pass 1 to 144"):
        Subset(plain, 145)


def test_arrays_that_do_not_fit():
    pixels, labels = np.zeros((4, 8, 8), np.uint8), np.arange(4)
    with pytest.raises(OntogymError, match="do not fit"):
        ArrayImages("x", pixels, labels[:3], pixels, labels)
    with pytest.raises(OntogymError, match="label outside"):
        ArrayImages("x", pixels, labels, pixels, labels, classes=3)
