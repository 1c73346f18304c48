"""Python in ten lines: a picture through the shipped model, and what made it."""

import sys

import cv2

import edgeenh

enhancer = edgeenh.load()
image = edgeenh.open_source(sys.argv[1]).read().image  # uint8 [H,W,3] RGB
enhanced = enhancer(image, strength=0.8)
cv2.imwrite(sys.argv[2], cv2.cvtColor(enhanced, cv2.COLOR_RGB2BGR))
print(enhancer.provenance(0.8))
