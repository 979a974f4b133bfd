"""The router as a virtual machine: what a reboot, a power cut and a stepped clock really do."""
