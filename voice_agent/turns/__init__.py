"""The logic of turns, without audio devices, models or clocks: values in, events out."""
