"""Calls that need a network: nothing that a module may do when it starts, for a device may have none just then."""

from __future__ import annotations

import ast
import re

from edgetui.core.scoring.reading import Call, Script, walk

# Dotted beginnings of calls that need a network; `.` at the end means anything below.
_NETWORK = {
    "requests.": ("get", "post", "put", "request", "head"),
    "httpx.": ("get", "post", "put", "request", "stream"),
    "urllib.request.": ("urlopen", "urlretrieve"),
    "socket.": ("create_connection", "getaddrinfo"),
    "wget.": ("download",),
    "gdown.": ("download",),
    "nltk.": ("download",),
    "spacy.": ("cli.download",),
    "datasets.": ("load_dataset",),
    "boto3.": ("client", "resource"),
    "huggingface_hub.": ("hf_hub_download", "snapshot_download"),
    "torch.hub.": ("load", "load_state_dict_from_url", "download_url_to_file"),
    "tensorflow.keras.utils.": ("get_file",),
    "azureml.core.": (
        "Workspace",
        "Workspace.get",
        "Workspace.from_config",
        "Run.get_context",
        "Experiment",
        "Dataset.get_by_name",
    ),
    "azureml.core.workspace.": ("Workspace", "Workspace.get", "Workspace.from_config"),
    "azure.ai.ml.": ("MLClient", "MLClient.from_config"),
    "azure.storage.blob.": (
        "BlobServiceClient",
        "BlobServiceClient.from_connection_string",
        "BlobClient",
        "ContainerClient",
    ),
    "azure.storage.blob.BlobClient.": ("from_connection_string", "from_blob_url"),
    "azure.storage.blob.ContainerClient.": ("from_connection_string", "from_container_url"),
    "psycopg2.": ("connect",),
    "pyodbc.": ("connect",),
    "pymongo.": ("MongoClient",),
}
_NETWORK_NAMES = {beginning + name for beginning, names in _NETWORK.items() for name in names}
_SESSIONS = {"requests.Session", "requests.session", "httpx.Client"}
_VERBS = {"get", "post", "put", "patch", "delete", "head", "request"}
_SHELLS = {"os.system", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output"}


def needs(script: Script, call: Call, sessions: set[str]) -> str:
    """Say what a call fetches, or "" for nothing; `sessions` are the names that `sessions` found."""
    name = call.name
    holder, _, method = name.rpartition(".")
    if name in _NETWORK_NAMES:
        return f"`{name}` needs a network when the module starts"
    if method in _VERBS and (holder in sessions or _new_session(script, call)):
        return f"`{method}` of a session needs a network when the module starts"
    if name.startswith("mlflow.") and method == "load_model" and _begins(call, "models:", "runs:", "http"):
        return "`models:/` and `runs:/` ask the tracking server at each start"
    if _pretrained(name, call):
        return f"`{method or name}` downloads the model at each start"
    if name in _SHELLS and _fetches(call):
        return "this downloads when the module starts"
    return ""


def sessions(script: Script) -> set[str]:
    """Names that hold a session of `requests` or `httpx`."""
    if not any(call.name in _SESSIONS for scope in script.calls for call in script.calls[scope]):
        return set()
    found = set()
    for node in walk(script.tree):
        if isinstance(node, ast.Assign) and _is_session(script, node.value):
            found |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.withitem) and _is_session(script, node.context_expr):
            found |= {node.optional_vars.id} if isinstance(node.optional_vars, ast.Name) else set()
    return found


def _is_session(script: Script, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and script.dotted(node.func) in _SESSIONS


def _new_session(script: Script, call: Call) -> bool:
    """Whether it is `requests.Session().get(…)`."""
    return isinstance(call.node.func, ast.Attribute) and _is_session(script, call.node.func.value)


def _pretrained(name: str, call: Call) -> bool:
    """Whether a call loads a model by its public name."""
    method = name.rpartition(".")[2]
    if method == "from_pretrained" or name == "sentence_transformers.SentenceTransformer":
        return _public(_first(call))
    if name == "transformers.pipeline":
        given = _argument(call, 1, "model")
        return given is None or _public(given)
    if name.startswith("torchvision.models."):
        given = _argument(call, 99, "weights") or _argument(call, 0, "pretrained")
        return isinstance(given, ast.Attribute) or (isinstance(given, ast.Constant) and bool(given.value))
    if ".applications." in name and name.startswith(("tensorflow.", "keras.")) and method[:1].isupper():
        given = _argument(call, 1, "weights")
        return given is None or (isinstance(given, ast.Constant) and given.value == "imagenet")
    return name == "tensorflow_hub.load" and _begins(call, "http")


def _first(call: Call) -> ast.expr | None:
    return call.node.args[0] if call.node.args else None


def _argument(call: Call, place: int, name: str) -> ast.expr | None:
    given = {one.arg: one.value for one in call.node.keywords}
    return call.node.args[place] if len(call.node.args) > place else given.get(name)


def _public(node: ast.expr | None) -> bool:
    """Whether this is the name of a public model, and no path."""
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and not text.startswith((".", "/", "~"))


def _begins(call: Call, *starts: str) -> bool:
    first = _first(call)
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    text = first.value if isinstance(first, ast.Constant) else None
    return isinstance(text, str) and text.startswith(starts)


def _fetches(call: Call) -> bool:
    words = [one.value for one in walk(call.node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return any(re.match(r"(?:wget|curl|azcopy)\b", word) for word in words)
