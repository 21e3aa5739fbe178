"""Prints the first ```json block of a manual page. usage: doc_example.py PAGE"""
import pathlib
import re
import sys

print(re.search(r"^```json\n(.*?)^```", pathlib.Path(sys.argv[1]).read_text(), re.M | re.S).group(1))
