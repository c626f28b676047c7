// Every class runs processes and most of them take all processors that there are: one class at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
