namespace Ledger.Chaos.Proxy;

/// <summary>What one direction of a link does to the bytes that come along. The default lets them pass.</summary>
internal sealed record Behaviour
{
    public static readonly Behaviour Pass = new();

    /// <summary>Nothing comes through and nobody is told. What was sent is held, and delivered when that ends, as TCP's
    /// retransmission would.</summary>
    public static readonly Behaviour Stall = new() { Stalled = true };

    public bool Stalled { get; init; }

    /// <summary>How much later every byte arrives.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How much later than that, at most, chosen anew for each segment. Bytes never overtake each
    /// other.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>How many bytes come through in a second; 0 for any number.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>How likely a segment is lost, from 0 to 1: it and all behind it arrive only after
    /// <see cref="LossPause"/>, as after a retransmission.</summary>
    public double LossChance { get; init; }

    public TimeSpan LossPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How likely a segment resets its connection, from 0 to 1.</summary>
    public double ResetChance { get; init; }
}

/// <summary>One direction of a link: its behaviour, which may change at any time, and its own seeded
/// randomness.</summary>
internal sealed class Direction(string name, int seed)
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private Behaviour _behaviour = Behaviour.Pass;
    private TaskCompletionSource _changed = NewSource();

    public string Name { get; } = name;

    /// <summary>Does what no proxy does, where there is none on the way.</summary>
    public Action<Behaviour>? Applies { get; init; }

    public Behaviour Behaviour
    {
        get
        {
            lock (_gate)
            {
                return _behaviour;
            }
        }

        set
        {
            TaskCompletionSource changed;
            lock (_gate)
            {
                _behaviour = value;
                (changed, _changed) = (_changed, NewSource());
                Applies?.Invoke(value);
            }

            changed.SetResult();
        }
    }

    /// <summary>Waits while nothing comes through.</summary>
    public async ValueTask<Behaviour> PassAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (!_behaviour.Stalled)
                {
                    return _behaviour;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public bool Chance(double chance)
    {
        if (chance <= 0)
        {
            return false;
        }

        lock (_gate)
        {
            return _random.NextDouble() < chance;
        }
    }

    /// <summary>How much later than now a segment that comes now arrives.</summary>
    public TimeSpan Latency()
    {
        lock (_gate)
        {
            return _behaviour.Delay + (_behaviour.Jitter * _random.NextDouble());
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
