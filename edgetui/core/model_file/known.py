"""What the classes and functions that a pickle names do when they are called: a list of the harmful and one of the harmless.

Whatever is on neither list is told: a list of the harmful alone never ends. Names are `module.name`, as Python 3 has them.
"""

from __future__ import annotations

import re
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Literal

Verdict = Literal["harmful", "ordinary", "harmless", "unknown", "foreign"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whole rooms that run programs, open files or sockets, or take code.
_HARMFUL_ROOMS = _names(
    """
    os posix nt subprocess _posixsubprocess sys shutil socket _socket pty runpy ctypes webbrowser commands
    code codeop pdb bdb timeit cProfile profile trace importlib _frozen_importlib _frozen_importlib_external pkgutil zipimport
    imp http urllib requests ftplib smtplib telnetlib asyncio pip venv ensurepip pydoc idlelib linecache aiohttp httpx paramiko
    multiprocessing doctest unittest shelve dbm sqlite3 distutils setuptools tempfile fileinput logging.config xmlrpc socketserver
    marshal modulefinder lib2to3 antigravity numpy.f2py numpy.distutils numpy.testing torch.hub torch.utils.cpp_extension
    """
)
_HARMFUL = _names(
    """
    builtins.eval builtins.exec builtins.compile builtins.open builtins.__import__ builtins.execfile builtins.input
    builtins.breakpoint builtins.globals builtins.delattr builtins.setattr builtins.vars builtins.apply
    operator.attrgetter operator.methodcaller io.open _io.open codecs.open pickle.load pickle.loads _pickle.load _pickle.loads
    torch.load torch.serialization.load torch.storage._load_from_bytes joblib.load joblib.numpy_pickle.load
    pandas.read_pickle pandas.io.pickle.read_pickle
    """
)
# Harmful in a stranger's file, ordinary in bound methods and in what cloudpickle writes.
_ORDINARY = frozenset({"builtins.getattr", "types.MethodType", "types.FunctionType", "types.CodeType"})

# None of these calls what it is given: `iter`, `map` or `max` would.
_HARMLESS = _names(
    """
    builtins.bool builtins.int builtins.float builtins.complex builtins.str builtins.bytes builtins.bytearray builtins.list
    builtins.tuple builtins.dict builtins.set builtins.frozenset builtins.slice builtins.range builtins.object builtins.property
    builtins.type builtins.staticmethod builtins.classmethod builtins.complex builtins.Ellipsis builtins.NotImplemented
    _codecs.encode copyreg._reconstructor copyreg.__newobj__ copyreg.__newobj_ex__ copyreg.constructor
    operator.itemgetter functools.partial functools._unpickle_partial
    re._compile array.array array._array_reconstructor random.Random time.struct_time zoneinfo.ZoneInfo._unpickle
    logging.getLogger types.SimpleNamespace types.MappingProxyType types.GenericAlias types.NoneType string.Template
    enum.EnumMeta enum.EnumType abc.ABCMeta io.BytesIO io.StringIO _io.BytesIO _io.StringIO
    numpy.dtype numpy.ndarray numpy.matrix numpy.recarray numpy.record numpy.poly1d numpy.vectorize numpy.generic
    numpy.core._ufunc_reconstruct numpy._core._ufunc_reconstruct numpy.ma.core._mareconstruct numpy.ma.core.MaskedArray
    numpy.rec.recarray numpy.rec.record numpy.core.records.recarray numpy.core.records.record
    numpy._core.records.recarray numpy._core.records.record
    scipy.stats._kde.gaussian_kde scipy.interpolate._interpolate.interp1d scipy.interpolate._interpolate.interp2d
    scipy.interpolate.interpolate.interp1d scipy.interpolate.interpolate.interp2d scipy.spatial._ckdtree.cKDTree
    scipy.spatial.ckdtree.cKDTree
    torch.Size torch.device torch.dtype torch._tensor._rebuild_from_type_v2
    pytz._UTC pytz._p dateutil.tz.tz.tzutc dateutil.tz.tz.tzlocal dateutil.tz.tz.tzfile dateutil.tz.tz.tzoffset
    dateutil.relativedelta.relativedelta
    """
)
# Functions that only put together again what was pickled.
_PUT_TOGETHER = re.compile(
    r"""(?:(?:numpy|scipy|pandas|sklearn|_loss|_catboost)\.(?:[\w.]+\.)?(?:
            __pyx_unpickle_\w+ | __\w+_ctor | newObj | _reconstruct | _frombuffer | scalar | _?unpickle\w* | \w+_unpickle
            | _new_\w+ | new_block)
        | torch\._utils\._rebuild_\w+
        | numpy\.(?:core\.|_core\.)?(?:multiarray\.)?(?:bool_?|u?int\d*|float\d+|complex\d+|str_|bytes_|object_|void|datetime64|timedelta64)
        | torch\.(?:float|double|half|bfloat|u?int|bool|long|short|complex|q)\w*
        | scipy\.(?:[\w.]+\.)?(?:(?:csr|csc|coo|lil|dok|dia|bsr)_(?:matrix|array)|\w+_gen|\w+_frozen)
        | statsmodels\.tsa\.[\w.]+\.[sdcz][A-Z]\w+
        | c?math\.\w+ | itertools\.(?:count|repeat|chain|cycle|product|combinations|permutations|islice))""",
    re.VERBOSE,
)
# Rooms whose classes (names with a capital, and datetime's) hold data: making one does nothing else.
_OF_CLASSES = _names(
    """
    collections datetime _datetime decimal _decimal _pydecimal fractions uuid ipaddress numbers statistics typing enum pathlib
    string weakref dataclasses contextvars calendar zoneinfo numpy scipy sklearn pandas joblib.numpy_pickle
    joblib.numpy_pickle_compat sklearn.externals.joblib.numpy_pickle _loss xgboost lightgbm catboost _catboost statsmodels patsy
    torch imblearn category_encoders skl2onnx mlxtend sktime feature_engine sklearn_pandas prophet spacy nltk keras tensorflow
    sentence_transformers transformers tokenizers dateutil pytz threadpoolctl
    """
)
_NO_HARMLESS_CLASSES = _names(
    """
    numpy.lib scipy.io sklearn.datasets pandas.io pandas.core.computation
    torch.utils torch.distributed torch.multiprocessing torch.package torch.fx
    """
)
_OPENING = _names("numpy.DataSource pandas.HDFStore pandas.ExcelFile pandas.ExcelWriter")  # they open a file
_PACKAGES = frozenset(one.partition(".")[0] for one in _OF_CLASSES)
_A_CLASS = re.compile(r"_*[A-Z]\w*$")
_LOWER_CLASSES = re.compile(
    r"(?:_?datetime\.(?:datetime|date|time|timedelta|timezone|tzinfo)|collections\.(?:defaultdict|deque|namedtuple))$"
)
_BUILT_IN_ERRORS = re.compile(r"builtins\.[A-Z]\w*(?:Error|Exception|Warning)$|builtins\.Exception$")


def modern(module: str, name: str) -> str:
    """`module.name` as Python 3 has it: old protocols write Python 2's, and 3.13 the inside of pathlib."""
    module, name = NAME_MAPPING.get((module, name), (module, name))
    return f"{IMPORT_MAPPING.get(module, module)}.{name}".replace("pathlib._local.", "pathlib.", 1)


def verdict(full: str) -> Verdict:
    """What calling `module.name` does: `foreign` is in no package known here, `unknown` in one that is, but on no list."""
    if full.startswith("os.path."):
        return "unknown"
    if full in _ORDINARY:
        return "ordinary"
    if full in _HARMFUL or _inside(full, _HARMFUL_ROOMS):
        return "harmful"
    if full in _HARMLESS or _PUT_TOGETHER.fullmatch(full) or _BUILT_IN_ERRORS.match(full) or _LOWER_CLASSES.match(full):
        return "harmless"
    last = full.rpartition(".")[2]
    if (
        full != "numpy.DataSource"
        and _A_CLASS.match(last)
        and _inside(full, _OF_CLASSES)
        and not _inside(full, _NO_HARMLESS_CLASSES)
    ):
        return "harmless"
    top = full.partition(".")[0]
    return "unknown" if top in sys.stdlib_module_names or top in _PACKAGES else "foreign"


def _inside(full: str, rooms: frozenset[str]) -> bool:
    """Whether a name lies in one of these modules or packages."""
    parts = full.split(".")
    return any(".".join(parts[:count]) in rooms for count in range(1, len(parts)))
