"""Which packages bring which modules: the first of each is the one to name, any of the others brings it too.

A module named like its package (`statsmodels`, `shap`) needs no line here.
"""

from __future__ import annotations

import re
import sys

SERVER = "azureml-inference-server-http"
BRINGS_SERVER = {"azureml-defaults", "azureml-sdk"}

# Dotted beginning of a module: packages.
_TABLE = """
annotated_types: annotated-types azureml-inference-server-http
attr: attrs jsonschema aiohttp
azure.ai.ml: azure-ai-ml
azure.core: azure-core azureml-inference-server-http azure-identity azure-storage-blob azure-keyvault-secrets
    azure-ai-ml
azure.cosmos: azure-cosmos
azure.data.tables: azure-data-tables
azure.eventhub: azure-eventhub
azure.identity: azure-identity azureml-inference-server-http
azure.iot.device: azure-iot-device
azure.iot.hub: azure-iot-hub
azure.keyvault.secrets: azure-keyvault-secrets azure-keyvault
azure.monitor.opentelemetry: azure-monitor-opentelemetry
azure.monitor.opentelemetry.exporter: azure-monitor-opentelemetry-exporter azure-monitor-opentelemetry
    azureml-inference-server-http
azure.servicebus: azure-servicebus
azure.storage.blob: azure-storage-blob azure-ai-ml adlfs mltable
azure.storage.filedatalake: azure-storage-file-datalake azure-ai-ml adlfs
azure.storage.fileshare: azure-storage-file-share azure-ai-ml
azure.storage.queue: azure-storage-queue
azureml: azureml-core azureml-sdk azureml-defaults azureml-mlflow azureml-train-core
azureml.contrib.services.aml_request: azureml-inference-server-http
azureml.contrib.services.aml_response: azureml-inference-server-http
azureml.mlflow: azureml-mlflow
azureml_inference_server_http: azureml-inference-server-http
blinker: blinker azureml-inference-server-http
bs4: beautifulsoup4 bs4
certifi: certifi azureml-inference-server-http requests httpx
cffi: cffi azureml-inference-server-http
charset_normalizer: charset-normalizer azureml-inference-server-http requests
click: click azureml-inference-server-http
cpuinfo: py-cpuinfo ultralytics
cloudpickle: cloudpickle joblib scikit-learn mlflow shap
Crypto: pycryptodome
cryptography: cryptography azureml-inference-server-http azure-identity pyopenssl
cv2: opencv-python-headless opencv-python opencv-contrib-python opencv-contrib-python-headless opencv py-opencv
    libopencv ultralytics albumentations easyocr
dateutil: python-dateutil azureml-inference-server-http inference-schema pandas matplotlib azureml-core botocore boto3
deprecated: deprecated azureml-inference-server-http
docx: python-docx
dotenv: python-dotenv pydantic-settings azureml-inference-server-http
faiss: faiss-cpu faiss faiss-gpu
fitz: pymupdf
fixedint: fixedint azureml-inference-server-http
flask: flask azureml-inference-server-http dash mlflow
flask_cors: flask-cors azureml-inference-server-http
geopy: geopy
gluoncv: gluoncv
google.protobuf: protobuf tensorflow onnx onnxruntime grpcio-tools mlflow streamlit
grpc: grpcio tensorflow grpcio-tools
gunicorn: gunicorn azureml-inference-server-http mlflow
h5py: h5py tensorflow keras
idna: idna azureml-inference-server-http requests httpx
imageio: imageio scikit-image
importlib_metadata: importlib-metadata azureml-inference-server-http
inference_schema: inference-schema azureml-inference-server-http
IPython: ipython ipykernel jupyter jupyterlab notebook
isodate: isodate azureml-inference-server-http
itsdangerous: itsdangerous azureml-inference-server-http
jinja2: jinja2 azureml-inference-server-http flask torch spacy altair
joblib: joblib scikit-learn mlflow nltk imbalanced-learn shap umap-learn librosa pmdarima
jose: python-jose
jwt: pyjwt azureml-inference-server-http azure-identity msal azureml-core
keras: keras tensorflow
markdown: markdown tensorboard tensorflow
markupsafe: markupsafe azureml-inference-server-http
matplotlib: matplotlib matplotlib-base seaborn catboost prophet mlxtend mlflow ultralytics yellowbrick scikit-plot
    pycocotools plotnine pmdarima lifelines darts interpret
mlflow: mlflow mlflow-skinny azureml-mlflow
mpl_toolkits: matplotlib seaborn
msal: msal azureml-inference-server-http azure-identity azureml-core
msal_extensions: msal-extensions azureml-inference-server-http
msrest: msrest azure-ai-ml azureml-core azureml-inference-server-http
mysql.connector: mysql-connector-python
networkx: networkx torch scikit-image
numba: numba shap umap-learn librosa
numpy: numpy scikit-learn pandas onnx skl2onnx opencv-python-headless opencv-python opencv-contrib-python
    opencv-contrib-python-headless scikit-image matplotlib seaborn shap mlflow spacy transformers
    sentence-transformers torchvision keras h5py imbalanced-learn prophet faiss-cpu librosa ultralytics numba
    umap-learn tflite-runtime xarray pyarrow
oauthlib: oauthlib azureml-inference-server-http
onnx: onnx skl2onnx onnxmltools tf2onnx
opencensus.ext.azure: opencensus-ext-azure
OpenSSL: pyopenssl
opentelemetry: opentelemetry-api azureml-inference-server-http
packaging: packaging matplotlib statsmodels transformers xarray mlflow tensorflow
paho: paho-mqtt azure-iot-device
pandas: pandas seaborn prophet mlflow shap datasets ultralytics category-encoders feature-engine sktime mlxtend
    sklearn-pandas pmdarima lifelines darts streamlit geopandas xarray tpot pycaret interpret
PIL: pillow torchvision matplotlib scikit-image imageio ultralytics streamlit
plotly: plotly catboost dash
psutil: psutil azureml-inference-server-http ultralytics accelerate distributed
psycopg2: psycopg2 psycopg2-binary
pycparser: pycparser azureml-inference-server-http
pydantic: pydantic azureml-inference-server-http fastapi spacy mlflow pydantic-settings
pydantic_core: pydantic-core azureml-inference-server-http
pydantic_settings: pydantic-settings azureml-inference-server-http
pymysql: pymysql
pythoncom: pywin32
pytz: pytz azureml-inference-server-http pandas azureml-core inference-schema
regex: regex transformers nltk dateparser
requests: requests azureml-inference-server-http azureml-core azure-core azure-identity mlflow transformers
    tensorflow spacy datasets huggingface-hub azure-storage-blob
requests_oauthlib: requests-oauthlib azureml-inference-server-http
rest_framework: djangorestframework
ruamel.yaml: ruamel-yaml azureml-core
scipy: scipy scikit-learn scikit-image shap mlflow sentence-transformers imbalanced-learn umap-learn librosa
    lightgbm ultralytics pmdarima
serial: pyserial
six: six python-dateutil tensorflow azureml-core azure-iot-hub
skimage: scikit-image
sklearn: scikit-learn scikit-learn-intelex shap umap-learn hdbscan pmdarima tpot auto-sklearn yellowbrick
    sentence-transformers skl2onnx librosa skops interpret mlflow darts pycaret
skopt: scikit-optimize
slugify: python-slugify
surprise: scikit-surprise
tensorflow_hub: tensorflow-hub
tensorflow_text: tensorflow-text
tflite_runtime: tflite-runtime
threadpoolctl: threadpoolctl scikit-learn
tokenizers: tokenizers transformers
toml: toml streamlit
torch: torch torchvision torchaudio sentence-transformers ultralytics accelerate fastai easyocr
torchvision: torchvision ultralytics fastai easyocr timm
tqdm: tqdm nltk spacy transformers datasets prophet shap huggingface-hub ultralytics
typing_extensions: typing-extensions azureml-inference-server-http pydantic torch tensorflow azure-core fastapi
typing_inspection: typing-inspection azureml-inference-server-http
tzdata: tzdata azureml-inference-server-http pandas
umap: umap-learn
urllib3: urllib3 azureml-inference-server-http requests azureml-core
usb: pyusb
werkzeug: werkzeug azureml-inference-server-http flask
win32com: pywin32
wrapt: wrapt azureml-inference-server-http tensorflow
yaml: pyyaml mlflow transformers huggingface-hub datasets ultralytics azure-ai-ml dask
zipp: zipp azureml-inference-server-http
zmq: pyzmq ipykernel
"""
# Packages that bring nothing along but what the table says; one that is not here may bring any module.
_PLAIN = """
azure-core azure-identity azure-iot-device azure-storage-blob azureml-inference-server-http boto3 cloudpickle dill duckdb
flask gunicorn h5py httpx inference-schema joblib lightgbm nltk nomkl numpy onnx onnxruntime opencv-python
opencv-python-headless orjson pandas pillow pip polars psutil psycopg2-binary pyarrow pyodbc python python-dotenv pyyaml
redis requests scikit-learn scipy setuptools skl2onnx sqlalchemy ujson wheel xgboost xgboost-cpu
"""
# Names that the server's own folder gives, which stands in the path: `import utils` finds the server's.
_OF_THE_SERVER = """
aml_blueprint appinsights_client config create_app entry exceptions input_parsers routes swagger user_script utils
"""
# What the standard library has in some Pythons only.
_STANDARD = """
aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib
ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib tomllib uu xdrlib
"""

BRINGS: dict[str, tuple[str, ...]] = {
    module: tuple(packages.split())
    for module, packages in re.findall(r"^([\w.]+):((?:.*\n)(?:[ ].*\n)*)", _TABLE, re.MULTILINE)
}
PLAIN = set(_PLAIN.split())
OF_THE_SERVER = set(_OF_THE_SERVER.split())
STANDARD = sys.stdlib_module_names | set(_STANDARD.split())
