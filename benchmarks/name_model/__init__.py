"""How curate/redact/name_model/names.onnx is built: `make model`; requirements.txt names the packages it needs."""
