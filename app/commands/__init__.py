"""The parts of `wingcheck` that are more than starting a process, a file per group of commands."""
