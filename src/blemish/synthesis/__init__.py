"""What is made of good photos: rotations, textures, defects. For training in pure torch: batches, on the device, by a
generator. What tests a model, defects of a given size and photos that change, is made without
torch (`sized_defects.py`, `photo_changes.py`).

Nothing here waits for the device, and everything is drawn from the generator that is handed in.
"""
