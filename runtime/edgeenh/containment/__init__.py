"""Inference in a worker process, so that nothing that happens there ends the stream: see `containment.enhancer`.

enhancer       `ContainedEnhancer`: the calls of `edgeenh.Enhancer`
supervisor     frames to the worker in use, and the judgement on what became of them
lifecycle      one worker after another: `keeper` starts them, `recovery` decides which comes next
swap           another bundle while frames go on
process        the parent's end of a worker, `worker` the other end; `messages` and `frame_memory` between them
faults         what a worker does wrong when told to
"""
