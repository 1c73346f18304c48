"""Every property of a model's contract, found out on real frames; and what cannot be found out, or is no enhancer."""

from __future__ import annotations

import re

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeenh.errors import InputError, UsageError
from edgeenh_export.sources.overrides import Ends


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("values", ["unit", "signed", "byte"])
def test_layout_and_range_are_found(make_toy, found, values, layout):
    contract = found(make_toy(values, layout))
    assert contract.reading.layout == Ends(layout, layout)
    assert contract.reading.range == Ends(values, values)
    assert contract.likeness > 0.9


@pytest.mark.parametrize(("given", "back"), [("byte", "unit"), ("signed", "unit"), ("unit", "byte")])
def test_ranges_that_differ_between_in_and_out_are_found(make_toy, found, given, back):
    assert found(make_toy(given, back=back)).reading.range == Ends(given, back)


def test_a_strong_brightening_does_not_mislead(make_toy, found):
    assert found(make_toy("unit", gain=0.3)).reading.range == Ends("unit", "unit")


def test_an_output_in_another_layout_than_the_input_is_found(make_toy, found):
    model = make_toy("unit", size=(64, 48))
    model.graph.node[-1].output[0] = "planes"
    model.graph.node.append(helper.make_node("Transpose", ["planes"], ["y"], perm=[0, 2, 3, 1]))
    assert found(model).reading.layout == Ends("NCHW", "NHWC")


def test_a_model_that_reads_equally_well_in_two_ways_is_asked_about(make_toy, found):
    # without a clamp, a sum with a constant is a picture on whichever scale, and on each another one
    model = make_toy("unit", bounded=False, gain=1.0, tint=(0.05, 0.05, 0.05))
    with pytest.raises(UsageError, match=r"can be read in more than one way.*--range (unit|byte|signed).* or --range"):
        found(model)
    contract = found(model, range=Ends("byte", "byte"))
    assert (contract.reading.range, contract.known["range"]) == (Ends("byte", "byte"), "stated")


def test_readings_that_give_the_same_picture_need_no_decision(found):
    blur = np.zeros((3, 3, 1, 1), np.float32)
    blur[range(3), range(3)] = 1
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, 1])],
        "same",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w_"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(blur, "w")],
    )
    contract = found(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    assert (contract.reading.range, contract.known["colour"]) == (Ends("unit", "unit"), "no matter")


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_scale_is_found(make_toy, found, scale):
    assert found(make_toy(scale=scale)).scale == scale


def test_a_wrong_scale_is_refused(make_toy, found):
    with pytest.raises(UsageError, match=r"--scale 2 was given and toy.onnx gives 1 times"):
        found(make_toy(), scale=2)


@pytest.mark.parametrize("stride", [1, 4, 6, 32])
def test_the_multiple_of_its_sizes_is_found(make_toy, found, stride):
    contract = found(make_toy(stride=stride))
    assert (contract.multiple, contract.fixed) == (stride, None)


def test_a_static_size_is_the_only_one(make_toy, found):
    assert found(make_toy(size=(90, 70))).fixed == (90, 70)
    with pytest.raises(UsageError, match="is made for 90x70 only"):
        found(make_toy(size=(90, 70)), [(64, 64)])


def test_a_size_that_is_asked_for_becomes_the_only_one(make_toy, found):
    assert found(make_toy(stride=8), [(128, 64)]).fixed == (128, 64)
    with pytest.raises(InputError, match="does not run on a frame"):
        found(make_toy(stride=4096), [(128, 64)])


def test_grey_is_found_by_its_channel_and_takes_no_colour(make_toy, found):
    contract = found(make_toy(channels=1))
    assert (contract.channels, contract.reading.colour) == (1, Ends("grey", "grey"))
    with pytest.raises(UsageError, match="is for grey"):
        found(make_toy(channels=1), colour=Ends("RGB", "RGB"))


def test_half_floats_are_taken_and_widened(make_toy, found):
    assert found(make_toy(half=True)).reading.range == Ends("unit", "unit")


@pytest.mark.parametrize(
    ("tint", "said"),
    [((0.485, 0.456, 0.406), ("RGB", "the ImageNet means in it")), ((0.04, 0, 0), ("RGB", "assumed"))],
)
def test_colour_order_is_said_or_assumed(make_toy, found, tint, said):
    contract = found(make_toy(tint=tint, gain=2.0))
    assert (str(contract.reading.colour), contract.known["colour"]) == said


@pytest.mark.parametrize("scale", [1, 2])
def test_a_model_that_gives_red_and_blue_exchanged_is_found_out(make_toy, found, scale):
    contract = found(exchanged(make_toy(scale=scale)))
    assert (str(contract.reading.colour), contract.known["colour"]) == ("RGB:BGR", "assumed")
    assert str(found(exchanged(make_toy()), colour=Ends("BGR", "RGB")).reading.colour) == "BGR:RGB"


def exchanged(model):
    """The model with the channels of its output in reverse."""
    last = model.graph.node[-1]
    last.output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0]), "reverse"))
    model.graph.node.append(helper.make_node("Gather", ["before", "reverse"], ["y"], axis=1))
    return model


def test_names_of_tensors_tell_the_order_of_each_end(make_toy, found):
    model = exchanged(make_toy())
    for value, name in ((model.graph.input[0], "rgb_in"), (model.graph.output[0], "bgr_out")):
        for node in model.graph.node:
            node.input[:] = [name if one == value.name else one for one in node.input]
            node.output[:] = [name if one == value.name else one for one in node.output]
        value.name = name
    contract = found(model)
    assert (str(contract.reading.colour), contract.known["colour"]) == ("RGB:BGR", "the names of its tensors")


def test_colour_order_in_the_metadata_counts(make_toy, found):
    model = make_toy()
    helper.set_model_props(model, {"Image.BitmapPixelFormat": "Bgr8"})
    assert (str(found(model).reading.colour), found(model).known["colour"]) == ("BGR", "its metadata")
    assert found(model, colour=Ends("RGB", "RGB")).known["colour"] == "stated"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out_channels": 10}, "10 channels of 3, so curves, classes or masks and no picture"),
        ({"out_channels": 24}, "24 channels of 3"),
        ({"out_channels": 1}, "1 channels of 3, so a mask or a depth map"),
        ({"channels": 4}, r"takes \[1,4,\?,\?\], expected a picture of 3 channels"),
        ({"gain": 0.0}, "no reading of its values gives a picture that resembles its input"),
    ],
)
def test_what_cannot_be_an_enhancer_is_refused_with_the_reason(make_toy, found, changes, message):
    with pytest.raises(InputError, match=message):
        found(make_toy(**changes))


def test_a_negative_is_no_enhancement(make_toy, found):
    model = make_toy(bounded=True)
    model.graph.node[-1].output[0] = "positive"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1), "one"))
    model.graph.node.append(helper.make_node("Sub", ["one", "positive"], ["y"]))
    with pytest.raises(InputError, match="resembles its input"):
        found(model)


def test_an_output_without_height_and_width_is_refused(make_toy, found):
    model = make_toy()
    model.graph.node[-1].output[0] = "picture"
    model.graph.node.append(helper.make_node("GlobalAveragePool", ["picture"], ["means"]))
    model.graph.node.append(helper.make_node("Flatten", ["means"], ["y"]))
    with pytest.raises(InputError, match=r"y is \[1,3\], which has no height and width"):
        found(model)


def test_the_picture_among_several_outputs_is_found(make_toy, found):
    model = make_toy()
    (taken,) = (node.input[0] for node in model.graph.node if "y" in node.output)
    model.graph.node.append(helper.make_node("GlobalAveragePool", [taken], ["means"]))
    model.graph.output.insert(0, helper.make_tensor_value_info("means", TensorProto.FLOAT, None))
    assert found(model).reading.output == "y"


def test_two_pictures_in_are_refused(make_toy, found):
    model = make_toy()
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 3, "h", "w"]))
    with pytest.raises(InputError, match=re.escape("takes 2 pictures (x float [1,3,?,?], second")):
        found(model)


def test_a_batch_of_several_is_refused(make_toy, found):
    model = make_toy()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    with pytest.raises(InputError, match="a batch of 4 pictures, expected 1"):
        found(model)


@pytest.mark.parametrize("size", [(100, 64), (96, 100)])
def test_a_size_that_is_no_multiple_is_refused_with_those_that_are(make_toy, found, size):
    """The model itself only refuses it in a library's words, or gives a picture of another size."""
    with pytest.raises(UsageError, match=rf"--size {size[0]}x{size[1]}: .* must be multiples of 8 .* that work: 96x"):
        found(make_toy(stride=8), [size])


def test_two_outputs_that_both_resemble_the_frame_are_asked_about(make_toy, found):
    model = make_toy()
    model.graph.node.append(helper.make_node("Mul", ["y", "less"], ["darker"]))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.97), "less"))
    model.graph.output.append(helper.make_tensor_value_info("darker", TensorProto.FLOAT, None))
    with pytest.raises(UsageError, match=r"resembles its input: .*: give a model that has only the output you mean"):
        found(model)
