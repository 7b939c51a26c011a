"""The tests mirror leadflow/; the files beside this one check the house itself, or serve all the others."""
