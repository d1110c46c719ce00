"""What is made of good photos: rotations, textures, defects. For training in pure torch: batches, on the device, by a
generator. Defects of a given size, to test a model with, are drawn by numpy alone (`sized_defects.py`).

Nothing here waits for the device, and everything is drawn from the generator that is handed in.
"""
