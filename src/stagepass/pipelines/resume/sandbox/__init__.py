"""Processes of their own for what strangers sent: started with nothing, and able to reach nothing."""
