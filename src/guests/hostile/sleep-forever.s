# Waits for an interrupt with nothing enabled. Nothing can wake it.
# Must: cost nothing while it sleeps; alone on the machine, the run ends with a message instead of hanging.
        .globl  _start
_start: csrw    sie, zero
1:      wfi
        j       1b
