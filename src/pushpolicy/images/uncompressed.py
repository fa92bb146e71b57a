"""What a layer is without its compression, told while its bytes pass by on their way to a registry.

Runtimes tell compression by the first bytes and not by the media type, so both must agree. They read every
member of a gzip file and every frame of a zstd one; what follows the last must be zeros (tar's padding).
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from pushpolicy.images.archive import SKIPPABLE, compression
from pushpolicy.images.options import Limits
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest

# The layers that runtimes unpack by themselves (image-spec 1.1, layer.md; docker schema 2), those among them
# that need not be distributed. Encrypted layers and unknown types are none of them.
KINDS: dict[str, str | None] = {
    "application/vnd.oci.image.layer.v1.tar": None,
    "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": None,
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": None,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar": None,
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
}
MAGIC = 8
_GZIP_OUTPUT = 1024 * 1024
# A zstd block of 4 bytes can hold 128 KiB, so that this much gives at most 32 MiB at a time.
_ZSTD_INPUT = 1024


class _Inflater(Protocol):
    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""

    def end(self) -> None:
        """See that nothing is missing."""


class Uncompressed:
    """Takes the bytes of a layer in order; then `diff_id` tells what they are.

    Raises:
        ValueError: for a media type whose layers cannot be compared.
    """

    def __init__(self, media_type: str, limits: Limits) -> None:
        if media_type not in KINDS:
            raise ValueError(f"a layer of type {media_type[:100]!r} cannot be compared")
        self._kind = KINDS[media_type]
        self._start = b""
        self._inflater: _Inflater | None = None
        self._output = _Output(limits)

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            ValueError: when they are malformed, or otherwise compressed than the media type says.
        """
        if self._inflater is None:
            self._start += data
            if len(self._start) < MAGIC:
                return
            data, self._start = self._start, b""
            self._inflater = self._begin(data)
        self._inflater.feed(data)

    def diff_id(self) -> Digest:
        """The digest of the whole content, uncompressed; after the last byte.

        Raises:
            ValueError: when something is missing.
        """
        if self._inflater is None:
            self._inflater = self._begin(self._start)
            self._inflater.feed(self._start)
        self._inflater.end()
        return Digest("sha256", self._output.hasher.hexdigest())

    def _begin(self, start: bytes) -> _Inflater:
        _check_start(self._kind, start)
        match self._kind:
            case "gzip":
                return _Gunzip(self._output)
            case "zstd":
                return _Unzstd(self._output)
            case _:
                return _Plain(self._output)


def check_start(layer: Descriptor, start: bytes) -> None:
    """Require of a layer to begin as its media type says, and of an unknown type not as two things at once.

    Raises:
        ValueError: when it does not: two programs would unpack it to two things.
    """
    try:
        if layer.media_type in KINDS:
            _check_start(KINDS[layer.media_type], start)
        elif (found := compression(start)) == SKIPPABLE:
            raise ValueError(f"the layer begins with {found}")
    except ValueError as error:
        raise ValueError(f"layer {layer.digest}: {error}") from error


def _check_start(kind: str | None, start: bytes) -> None:
    if (found := compression(start)) != kind:
        says = kind or "no compression"
        raise ValueError(f"the layer's media type says {says}, its content {found or 'none'}")


class _Output:
    """Hashes what comes out, and bounds it."""

    def __init__(self, limits: Limits) -> None:
        self.hasher = hashlib.sha256()
        self._left = limits.unpacked_size
        self._limit = limits.unpacked_size

    @property
    def is_empty(self) -> bool:
        """Whether nothing came out yet."""
        return self._left == self._limit

    def write(self, data: bytes | memoryview) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"the layer has more than {self._limit} bytes when it is unpacked")
        self.hasher.update(data)


class _Plain:
    def __init__(self, output: _Output) -> None:
        self.feed = output.write

    def end(self) -> None:
        """Nothing can be missing."""


class _Members:
    """Compressed members, one after the other, and zeros after the last.

    A program that stops after the first must at least find something in it.
    """

    kind = ""

    def __init__(self, output: _Output) -> None:
        self._output = output
        self._member: Any = None
        self._is_padding = False
        self._members = 0

    def feed(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            if self._member is None:
                # Neither format begins with a zero.
                self._is_padding = self._is_padding or rest[0] == 0
                if self._is_padding:
                    if bytes(rest).strip(b"\0"):
                        raise ValueError(f"the layer has bytes after the end of its {self.kind} content")
                    return
                if self._members and self._output.is_empty:
                    raise ValueError(f"the layer begins with {self.kind} content of nothing, and goes on")
                self._member = self._new()
                self._members += 1
            try:
                rest = memoryview(self._inflate(rest))
            except self._failures() as error:
                raise ValueError(f"the layer is not readable {self.kind}: {error}") from error

    def end(self) -> None:
        if self._member is not None:
            raise ValueError(f"the layer's {self.kind} content is cut off")

    def _new(self) -> Any:
        raise NotImplementedError

    def _failures(self) -> type[Exception]:
        raise NotImplementedError

    def _inflate(self, data: memoryview) -> bytes | memoryview:
        """Inflate some of it; gives what is left, and forgets the member at its end."""
        raise NotImplementedError


class _Gunzip(_Members):
    kind = "gzip"

    def __init__(self, output: _Output) -> None:
        from isal import isal_zlib

        super().__init__(output)
        self._isal = isal_zlib

    def _new(self) -> Any:
        return self._isal.decompressobj(16 + self._isal.MAX_WBITS)

    def _failures(self) -> type[Exception]:
        # isal's stubs have an instance where the class of the error is.
        return self._isal.IsalError  # type: ignore[return-value]

    def _inflate(self, data: memoryview) -> bytes | memoryview:
        member = self._member
        self._output.write(member.decompress(data, _GZIP_OUTPUT))
        if member.eof:
            self._member = None
            return bytes(member.unused_data)
        return bytes(member.unconsumed_tail)


class _Unzstd(_Members):
    kind = "zstd"

    def __init__(self, output: _Output) -> None:
        from pushpolicy.images.compressors import ZSTD_WINDOW, import_zstandard

        super().__init__(output)
        self._zstandard = import_zstandard("a layer that is compressed with zstd")
        self._window = ZSTD_WINDOW

    def _new(self) -> Any:
        return self._zstandard.ZstdDecompressor(max_window_size=self._window).decompressobj()

    def _failures(self) -> type[Exception]:
        failure: type[Exception] = self._zstandard.ZstdError
        return failure

    def _inflate(self, data: memoryview) -> bytes | memoryview:
        member, piece = self._member, data[:_ZSTD_INPUT]
        self._output.write(member.decompress(piece))
        if not member.eof:
            return data[_ZSTD_INPUT:]
        self._member = None
        return data[len(piece) - len(member.unused_data) :]
