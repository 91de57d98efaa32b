"""How good generated images are: distances to real ones in feature space, diversity, copies of training images.

Pure numerics, usable alone. Each module is one measure: it takes features (`extractors`, `features`) or pixels and
gives a frozen record that says how many images it rests on. Numbers mean little without their floor (`floor`).
"""
