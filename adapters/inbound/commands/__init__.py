"""The commands of ``ofrecord``: one module for each kind of use."""
