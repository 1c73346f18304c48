"""CUDA behind one small interface: memory, a stream, copies. See `edgeenh.cuda.interface`."""
