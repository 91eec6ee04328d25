from typing import NamedTuple
class Callee(NamedTuple):
    kind: str; returns: str = ""
def function(d): return None
def method(c,n): return None
def known_class(d): return None
def canonical(d): return d
