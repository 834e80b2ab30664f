"""First bytes of files: the containers that are read, and the many things that are not audio.

Four bytes in a row are right by chance once in 4 billion streams of samples; what has fewer
is only believed with something else that fits.
"""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A verdict; the containers' values are names of FFmpeg's demuxers."""

    WAV = "wav"
    OGG = "ogg"
    MATROSKA = "matroska"
    MP3 = "mp3"
    FLAC = "flac"
    MP4 = "mp4"
    AAC = "aac"
    AU = "au"
    AIFF = "aiff"
    AMR = "amr"
    ID3 = "id3"
    PCM_S16LE = "pcm_s16le"
    PCM_F32LE = "pcm_f32le"
    SILENCE = "silence"
    MORE = "more"


CONTAINERS: Final = frozenset(
    {
        Kind.WAV,
        Kind.OGG,
        Kind.MATROSKA,
        Kind.MP3,
        Kind.FLAC,
        Kind.MP4,
        Kind.AAC,
        Kind.AU,
        Kind.AIFF,
        Kind.AMR,
    }
)

READABLE: Final = "send WAV, MP3, M4A or MP4, AAC, FLAC, Ogg, WebM, AU, AIFF, AMR or raw PCM"

MAGIC: Final = {
    b"OggS": Kind.OGG,
    b"\x1a\x45\xdf\xa3": Kind.MATROSKA,
    b"fLaC": Kind.FLAC,
    b".snd": Kind.AU,
    b"#!AMR": Kind.AMR,
}

RIFF: Final = (b"RIFF", b"RF64")

FOREIGN: Final = {
    # sound
    b"caff": "CAF",
    b"MThd": "MIDI",
    b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio",
    b"TTA1": "True Audio",
    b"MP+\x07": "Musepack",
    b"MPCK": "Musepack",
    b"DSD ": "DSD",
    b".RMF": "RealMedia",
    b".ra\xfd": "RealAudio",
    b"RIFX": "big-endian WAV",
    b"riff\x2e\x91\xcf\x11": "Wave64",
    b"Creative Voice File": "VOC",
    b"NIST_1A": "NIST SPHERE",
    # films
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "WMA or WMV",
    b"FLV\x01": "FLV",
    b"\0\0\x01\xba": "MPEG-PS",
    # documents and pictures
    b"%PDF-": "PDF",
    b"%!PS": "PostScript",
    b"{\\rtf": "RTF",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"\xff\xd8\xff\xe0": "JPEG",
    b"\xff\xd8\xff\xe1": "JPEG",
    b"\xff\xd8\xff\xdb": "JPEG",
    b"\xff\xd8\xff\xee": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    # archives and programs
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"\x1f\x8b\x08\0": "gzip",
    b"\x1f\x8b\x08\x08": "gzip",
    b"BZh91AY": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "RAR",
    b"\x7fELF": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"\xfe\xed\xfa\xce": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"SQLite format 3": "SQLite",
}

MP4_STARTS: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Boxes that an MP4 or QuickTime file begins with."""

MP4_MIDST: Final = (b"moof", b"styp", b"sidx")
"""Boxes that the later pieces of a recording begin with."""

MATROSKA_CLUSTER: Final = b"\x1f\x43\xb6\x75"
