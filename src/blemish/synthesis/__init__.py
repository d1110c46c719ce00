"""What training makes of good photos: rotations, textures, defects. Pure torch: batches, on the device, by a generator.

Nothing here waits for the device, and everything is drawn from the generator that is handed in.
"""
