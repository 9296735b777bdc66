"""What happens to a job next, a file per occasion: pure rules over a unit of work, without SQL, threads or clocks."""
