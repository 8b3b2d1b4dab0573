"""Tests `kernels` on instructions of an H100's program, as XLA wrote them but for attributes."""

import pytest

from inception_jax.plan import hlo, kernels

PROGRAM = """\
HloModule jit_train_step, is_scheduled=true

%region_1 (Arg_0: bf16[], Arg_1: bf16[]) -> bf16[] {
  %Arg_0 = bf16[] parameter(0)
  %Arg_1 = bf16[] parameter(1)
  ROOT %add.1 = bf16[] add(%Arg_0, %Arg_1)
}

%fused_scatter (param_0.281: bf16[32,24,24,16], param_1.1611: s32[32,12,12,16], param_2: bf16[32,12,12,16]) -> bf16[32,24,24,16] {
  %param_0.281 = bf16[32,24,24,16]{3,2,1,0} parameter(0)
  %param_1.1611 = s32[32,12,12,16]{3,2,1,0} parameter(1)
  %bitcast.230.1 = s32[73728,1]{1,0} bitcast(%param_1.1611)
  %param_2 = bf16[32,12,12,16]{3,2,1,0} parameter(2)
  %bitcast.231.1 = bf16[73728,1,1,1,1]{4,3,2,1,0} bitcast(%param_2)
  ROOT %scatter.3.1 = bf16[32,24,24,16]{3,2,1,0} scatter(%param_0.281, %bitcast.230.1, %bitcast.231.1), update_window_dims={1,2,3,4}, to_apply=%region_1
}

%fused_slice (param_0.1: f32[1,48], param_1.1: bf16[4,48]) -> (f32[1,8], bf16[4,16], bf16[4,16]) {
  %param_0.1 = f32[1,48]{1,0} parameter(0)
  %twice.1 = f32[1,48]{1,0} add(%param_0.1, %param_0.1)
  %slice.1 = f32[1,8]{1,0} slice(%twice.1), slice={[0:1], [40:48]}
  %param_1.1 = bf16[4,48]{1,0} parameter(1)
  %slice.2 = bf16[4,16]{1,0} slice(%param_1.1), slice={[0:4], [0:16]}, metadata={op_name="a"}
  %slice.3 = bf16[4,16]{1,0} slice(%param_1.1), slice={[0:4], [0:16]}, metadata={op_name="b"}
  ROOT %tuple.9 = (f32[1,8]{1,0}, bf16[4,16]{1,0}, bf16[4,16]{1,0}) tuple(%slice.1, %slice.2, %slice.3)
}

%fused_dynamic_update_slice (param_0.2: f32[6,10], param_1.2: f32[1,10], param_2.2: s32[]) -> f32[6,10] {
  %param_0.2 = f32[6,10]{1,0} parameter(0)
  %param_1.2 = f32[1,10]{1,0} parameter(1)
  %param_2.2 = s32[] parameter(2)
  %zero.2 = s32[] constant(0)
  ROOT %dynamic-update-slice.2 = f32[6,10]{1,0} dynamic-update-slice(%param_0.2, %param_1.2, %param_2.2, %zero.2)
}

%gemm_fusion_dot.2_computation (parameter_0: bf16[256,2048], parameter_1: bf16[2048,1000]) -> f32[256,1000] {
  %parameter_0 = bf16[256,2048]{1,0} parameter(0)
  %parameter_1 = bf16[2048,1000]{1,0} parameter(1)
  ROOT %dot.2 = f32[256,1000]{1,0} dot(%parameter_0, %parameter_1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%body.3 (arg_tuple.7: (s32[], f32[6,10])) -> (s32[], f32[6,10]) {
  %arg_tuple.7 = (s32[], f32[6,10]{1,0}) parameter(0)
  %i.3 = s32[] get-tuple-element(%arg_tuple.7), index=0
  %sums.3 = f32[6,10]{1,0} get-tuple-element(%arg_tuple.7), index=1
  %part.3 = f32[1,10]{1,0} constant({...})
  %update.3 = f32[6,10]{1,0} fusion(%sums.3, %part.3, %i.3), kind=kLoop, calls=%fused_dynamic_update_slice
  ROOT %tuple.3 = (s32[], f32[6,10]{1,0}) tuple(%i.3, %update.3)
}

ENTRY %main.9 (x: bf16[32,24,24,3]) -> bf16[32,24,24,16] {
  %x = bf16[32,24,24,3]{3,2,1,0} parameter(0)
  %kernel.1 = f32[3,3,3,16]{3,2,1,0} parameter(1)
  %places = s32[32,12,12,16]{3,2,1,0} parameter(2)
  %copy.1 = f32[3,3,3,16]{2,1,0,3} copy(%kernel.1)
  %input_transpose_fusion.2 = bf16[16,3,3,3]{3,2,1,0} bitcast(%copy.1)
  %cudnn-conv.27 = (bf16[32,24,24,16]{3,2,1,0}, u8[0]{0}) custom-call(%x, %input_transpose_fusion.2), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convForward", metadata={op_name="jit(train_step)/jvp(GoogLeNet)/conv1/cond/branch_0_fun/conv_general_dilated" scheduling_name="cudnn-conv.27" stack_frame_id=413}
  %get-tuple-element.39.0 = bf16[32,24,24,16]{3,2,1,0} get-tuple-element(%cudnn-conv.27), index=0
  %all-reduce-start.4 = bf16[1,1,208,32]{2,1,0,3} all-reduce-start(%bitcast.2615.0), channel_id=37, replica_groups=mesh['axis_0'=8] {'axis_0'}, use_global_device_ids=true, to_apply=%region_1
  %loop_slice_fusion.6 = (f32[1,8]{1,0}, bf16[4,16]{1,0}, bf16[4,16]{1,0}) fusion(%a, %b), kind=kLoop, calls=%fused_slice
  %all-reduce-done.4 = bf16[1,1,208,32]{2,1,0,3} all-reduce-done(%all-reduce-start.4)
  %gemm_fusion_dot.2 = f32[256,1000]{1,0} fusion(%c, %d), kind=kCustom, calls=%gemm_fusion_dot.2_computation
  %while.31 = (s32[], f32[6,10]{1,0}) while(%tuple.1256), condition=%region_881.926, body=%body.3, backend_config={"known_trip_count":{"n":"6"}}
  ROOT %input_scatter_fusion.5 = bf16[32,24,24,16]{3,2,1,0} fusion(%get-tuple-element.39.0, %places, %grad), kind=kInput, calls=%fused_scatter, metadata={op_name="jit(train_step)/transpose(jvp(GoogLeNet))/inception_5b/cond/branch_0_fun/select_and_scatter" scheduling_name="input_scatter_fusion.5" stack_frame_id=26}
}
"""  # noqa: E501


@pytest.fixture(scope="module")
def found():
    """Its kernels by the instruction's name."""
    return {k.name: k for k in kernels.read(hlo.parse(PROGRAM), {"conv1", "inception_5b"})}


def test_what_launches_a_kernel(found):
    """Fusions, library calls, copies and collectives, in a loop each trip."""
    assert {k.name: (k.kind, k.runs) for k in found.values()} == {
        "update.3": ("elementwise", 6),
        "copy.1": ("copies", 1),
        "cudnn-conv.27": ("convolutions", 1),
        "all-reduce-start.4": ("collectives", 1),
        "loop_slice_fusion.6": ("elementwise", 1),
        "gemm_fusion_dot.2": ("convolutions", 1),
        "input_scatter_fusion.5": ("scatters", 1),
    }
    assert {k.name for k in found.values() if k.library} == {"cudnn-conv.27"}


def test_arithmetic(found):
    """Of library calls and fused products, and their fewest channels."""
    convolution, product = found["cudnn-conv.27"], found["gemm_fusion_dot.2"]
    assert (convolution.flops, convolution.channels) == (2 * 32 * 24 * 24 * 16 * 27, 3)
    assert (product.flops, product.channels) == (2 * 256 * 1000 * 2048, 1000)
    assert convolution.width == product.width == 2 and found["copy.1"].width == 0
    assert found["copy.1"].flops == 0 == found["copy.1"].channels


def test_rows(found):
    """By the path of the JAX operation."""
    assert found["cudnn-conv.27"].row == "conv1"
    assert found["input_scatter_fusion.5"].row == "inception_5b"
    assert found["copy.1"].row == "rest"


def test_bytes_are_read_and_written_once(found):
    """Operands and result; a library's empty workspace has none."""
    assert found["copy.1"].bytes == 2 * 4 * 27 * 16
    convolved = 32 * 24 * 24 * (3 + 16) * 2 + 27 * 16 * 2
    assert found["cudnn-conv.27"].bytes == convolved
    assert found["gemm_fusion_dot.2"].bytes == 2 * (256 + 1000) * 2048 + 4 * 256 * 1000


def test_slices_are_read_in_part(found):
    """What a later slice needs of a sum is not more; two equal slices are read once."""
    read = 8 * 4 + 4 * 16 * 2
    assert found["loop_slice_fusion.6"].bytes == read + (8 * 4 + 2 * 4 * 16 * 2)


def test_updates_in_place(found):
    """Neither reads nor writes more of its first operand than its update; a scatter adds to it."""
    assert found["update.3"].bytes == 4 * 10 + 4 + 4 * 10
    pooled = 32 * 12 * 12 * 16
    assert found["input_scatter_fusion.5"].bytes == 4 * pooled + 2 * pooled + 2 * 2 * pooled
