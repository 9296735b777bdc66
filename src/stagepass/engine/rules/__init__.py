"""Rules that move a job, one file per occasion: pure, over a unit of work, without SQL, threads or clocks."""
