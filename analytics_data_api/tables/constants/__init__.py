"""The vocabularies that the pipeline's columns and the API's answers are written in."""
