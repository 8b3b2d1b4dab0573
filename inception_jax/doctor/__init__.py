"""Check the setup of a run in seconds: a list of checks, each with a remedy.

A check is a function that returns a `Finding`, or raises the error that training would raise.
`examination` has their order, `finding.Checks` limits their time, `text` prints them.
"""
