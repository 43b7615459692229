"""Names that command lines offer and rooms below give a meaning: here, so that `--help` loads no room."""

BACKENDS = ("mxnet", "onnxruntime", "openvino")  # what runs a network
RUNTIMES = BACKENDS[1:]  # of exported networks
REFERENCES = ("height", "shorter")  # which side of an image is brought to the box size
CALIBRATIONS = ("entropy", "naive")  # how the ranges of activations are found
EXPORTS = ("onnx", "symbol")  # formats of networks that are taken out
PACKED_FROM = ("coco", "coco_json", "hdf5")  # what a data set may be packed from
PEOPLE_FORMATS = ("coco", "openpose", "csv", "yolo")  # of people in pictures
SERVICES = ("mlflow", "wandb")  # that are told of trainings
ENTRIES = ("train", "val", "all")  # of COCO.json and HDF5, by their isValidation
