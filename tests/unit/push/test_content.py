"""The content of a blob on its way."""

from __future__ import annotations

import threading

import pytest

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.push.content import SILENT, Watched
from tests.layouts import LAYER, of_bytes

CONTENT = b"content of a layer"


def test_reading_ends_once_another_blob_failed() -> None:
    stop = threading.Event()
    blob = Descriptor.of(CONTENT, LAYER)
    with Watched(blob, of_bytes(CONTENT), SILENT, stop)() as stream:
        assert stream.read(3) == CONTENT[:3]
        stop.set()
        with pytest.raises(PushError, match=f"{blob.digest}: given up, because another blob"):
            stream.read(3)
