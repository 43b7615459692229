"""Networks taken out: ONNX, MXNet's symbols, int8."""
