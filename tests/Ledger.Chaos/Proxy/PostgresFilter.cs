using System.Buffers.Binary;
using System.Text;

namespace Ledger.Chaos.Proxy;

/// <summary>Where a commit is to be met.</summary>
internal enum CommitTrapKind
{
    /// <summary>Holds the message that commits, while everything before it has been executed: a transaction is
    /// open.</summary>
    Hold,

    /// <summary>Lets it through, waits until the server has committed, then breaks the connection off instead of
    /// passing the answer on.</summary>
    LoseAnswer,

    /// <summary>Breaks the connection off before the message is sent: nothing is committed.</summary>
    LoseCommit,
}

/// <summary>Waits for the next commit of the journal on a link and does something to it, once.</summary>
internal sealed class CommitTrap(CommitTrapKind kind)
{
    private readonly TaskCompletionSource _sprung = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    public CommitTrapKind Kind { get; } = kind;

    /// <summary>Ends when a commit was met: it is held, or the connection is broken off.</summary>
    public Task Sprung => _sprung.Task;

    internal Task Released => _released.Task;

    /// <summary>Lets a held commit go on.</summary>
    public void Release() => _released.TrySetResult();

    internal bool Take() => Interlocked.Exchange(ref _taken, 1) == 0;

    internal void Spring() => _sprung.TrySetResult();
}

/// <summary>What the links of one node to the database have in common: the trap that is set, and what is seen of the
/// journal on the way.</summary>
internal sealed class PostgresWatch(Action<string>? accountWritten = null)
{
    private long _commits;
    private long _rows;
    private long _wakes;

    /// <summary>The trap for the next commit; null for none.</summary>
    public CommitTrap? Trap { get; set; }

    /// <summary>How many commits of the journal came along.</summary>
    public long Commits => Interlocked.Read(ref _commits);

    /// <summary>How many rows of the journal came along.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>How often an account was woken: each reads its snapshot.</summary>
    public long Wakes => Interlocked.Read(ref _wakes);

    public IConnectionFilter NewFilter() => new PostgresFilter(this);

    internal void Committing() => Interlocked.Increment(ref _commits);

    internal void Woken() => Interlocked.Increment(ref _wakes);

    internal void Written(string persistenceId)
    {
        Interlocked.Increment(ref _rows);
        accountWritten?.Invoke(persistenceId);
    }
}

/// <summary>Follows PostgreSQL's protocol (version 3) just enough to know when a write to the journal is about to be
/// committed. The journal's writers send implicit transactions: Bind and Execute of a prepared INSERT, committed by the
/// Sync behind it, or a COPY, committed by CopyDone. An explicit COMMIT after such a write counts as well.</summary>
internal sealed class PostgresFilter(PostgresWatch watch) : IConnectionFilter
{
    // Of the messages whose content matters, as much as names and the head of a statement take.
    private const int HeadMax = 256;
    private const int HeaderBytes = 5;
    private const int MagicRequestMin = 80877100;
    private static readonly byte[] PersistenceIdPrefix = "ledger-account-"u8.ToArray();

    private readonly HashSet<string> _inserts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _wakings = new(StringComparer.Ordinal);
    private readonly byte[] _header = new byte[8];
    private readonly byte[] _head = new byte[HeadMax];
    private readonly List<byte> _row = [];
    private readonly byte[] _answerHeader = new byte[HeaderBytes];

    private bool _started;
    private int _headerCount;
    private byte _type;
    private int _bodyLeft;
    private int _headCount;
    private bool _journalBind;
    private bool _pendingWrite;
    private bool _copying;
    private bool _explicit;

    private CommitTrap? _losing;
    private bool _rawAnswer;
    private int _answerHeaderCount;
    private int _answerLeft;
    private byte _answerType;

    public async ValueTask ForwardAsync(
        ReadOnlyMemory<byte> segment, ProxyConnection connection, CancellationToken cancellationToken)
    {
        // Bytes of the header of a message are kept back until it is complete, since it may be the one to hold.
        var passed = 0;
        for (var i = 0; i < segment.Length;)
        {
            if (_bodyLeft > 0)
            {
                var take = Math.Min(_bodyLeft, segment.Length - i);
                ReadBody(segment.Span.Slice(i, take));
                i += take;
                _bodyLeft -= take;
                if (_bodyLeft == 0 && EndsMessage())
                {
                    // The last byte of an explicit COMMIT stays with us while it is decided.
                    await connection.SendToServerAsync(segment[passed..(i - 1)], cancellationToken);
                    passed = i - 1;
                    await CommitAsync(connection, cancellationToken);
                }

                continue;
            }

            if (_headerCount == 0 && _started && segment.Length - i >= HeaderBytes)
            {
                segment.Span.Slice(i, HeaderBytes).CopyTo(_header);
                _headerCount = HeaderBytes;
                HeaderComplete(out var commits);
                _headerCount = 0;
                if (commits)
                {
                    await connection.SendToServerAsync(segment[passed..i], cancellationToken);
                    passed = i;
                    await CommitAsync(connection, cancellationToken);
                }

                i += HeaderBytes;
                continue;
            }

            if (_headerCount == 0)
            {
                await connection.SendToServerAsync(segment[passed..i], cancellationToken);
            }

            _header[_headerCount++] = segment.Span[i++];
            passed = i;
            if (!HeaderComplete(out var committing))
            {
                continue;
            }

            if (committing)
            {
                await CommitAsync(connection, cancellationToken);
            }

            await connection.SendToServerAsync(_header.AsMemory(0, _headerCount), cancellationToken);
            _headerCount = 0;
        }

        await connection.SendToServerAsync(segment[passed..], cancellationToken);
    }

    public async ValueTask BackwardAsync(
        ReadOnlyMemory<byte> segment, ProxyConnection connection, CancellationToken cancellationToken)
    {
        if (_rawAnswer)
        {
            // The one byte that answers a request for encryption.
            _rawAnswer = false;
            await connection.SendToClientAsync(segment, cancellationToken);
            return;
        }

        var span = segment;
        while (!span.IsEmpty)
        {
            if (_answerLeft > 0)
            {
                var take = Math.Min(_answerLeft, span.Length);
                _answerLeft -= take;
                span = span[take..];
                continue;
            }

            _answerHeader[_answerHeaderCount++] = span.Span[0];
            span = span[1..];
            if (_answerHeaderCount < HeaderBytes)
            {
                continue;
            }

            _answerHeaderCount = 0;
            _answerType = _answerHeader[0];
            _answerLeft = BinaryPrimitives.ReadInt32BigEndian(_answerHeader.AsSpan(1)) - 4;
            if (Volatile.Read(ref _losing) is { } trap && _answerType == (byte)'Z')
            {
                // ReadyForQuery: the server has committed, and nobody will hear of it.
                trap.Spring();
                connection.Abort();
                return;
            }
        }

        if (Volatile.Read(ref _losing) is null)
        {
            await connection.SendToClientAsync(segment, cancellationToken);
        }
    }

    private async ValueTask CommitAsync(ProxyConnection connection, CancellationToken cancellationToken)
    {
        _pendingWrite = false;
        _copying = false;
        watch.Committing();
        if (watch.Trap is not { } trap || !trap.Take())
        {
            return;
        }

        switch (trap.Kind)
        {
            case CommitTrapKind.Hold:
                trap.Spring();
                await trap.Released.WaitAsync(cancellationToken);
                break;
            case CommitTrapKind.LoseAnswer:
                Volatile.Write(ref _losing, trap);
                break;
            default:
                trap.Spring();
                connection.Abort();
                throw new OperationCanceledException();
        }
    }

    private bool HeaderComplete(out bool committing)
    {
        committing = false;
        if (!_started)
        {
            // The first message has no type: a length, then a version or the number of a request for something else.
            if (_headerCount < 8)
            {
                return false;
            }

            var length = BinaryPrimitives.ReadInt32BigEndian(_header);
            var code = BinaryPrimitives.ReadInt32BigEndian(_header.AsSpan(4));
            _started = code < MagicRequestMin;
            _rawAnswer = !_started && length == 8;
            _bodyLeft = Math.Max(0, length - 8);
            _type = 0;
            return true;
        }

        if (_headerCount < HeaderBytes)
        {
            return false;
        }

        _type = _header[0];
        _bodyLeft = Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(_header.AsSpan(1)) - 4);
        _headCount = 0;
        _journalBind = false;
        _row.Clear();
        committing = _type switch
        {
            (byte)'S' => _pendingWrite && !_explicit,
            (byte)'c' => _copying && !_explicit,
            _ => false,
        };
        return true;
    }

    private void ReadBody(ReadOnlySpan<byte> bytes)
    {
        if (_type is (byte)'P' or (byte)'B' or (byte)'Q')
        {
            var take = Math.Min(HeadMax - _headCount, bytes.Length);
            bytes[..take].CopyTo(_head.AsSpan(_headCount));
            _headCount += take;
        }

        if (_type == (byte)'B')
        {
            _journalBind |= _inserts.Count > 0 && _inserts.Contains(Text(_head.AsSpan(0, _headCount), 1));
            if (_journalBind)
            {
                _row.AddRange(bytes);
            }
        }
        else if (_type == (byte)'d' && _copying)
        {
            _row.AddRange(bytes);
        }
    }

    /// <summary>Draws the conclusions of a message; true when it is a COMMIT of a write to the journal.</summary>
    private bool EndsMessage()
    {
        var head = _head.AsSpan(0, _headCount);
        switch (_type)
        {
            case (byte)'P':
                Prepared(Text(head, 0), Text(head, 1));
                return false;
            case (byte)'B':
                if (_wakings.Contains(Text(head, 1)))
                {
                    watch.Woken();
                }

                if (_journalBind)
                {
                    _pendingWrite = true;
                    FindAccounts();
                }

                return false;
            case (byte)'d':
                FindAccounts();
                return false;
            case (byte)'Q':
                return EndsStatement(Text(head, 0));
            default:
                return false;
        }
    }

    private void Prepared(string name, string sql)
    {
        _inserts.Remove(name);
        _wakings.Remove(name);
        if (sql.StartsWith("INSERT INTO journal", StringComparison.OrdinalIgnoreCase)
            || sql.StartsWith("WITH rows AS (INSERT INTO journal", StringComparison.OrdinalIgnoreCase))
        {
            _inserts.Add(name);
        }
        else if (sql.StartsWith("SELECT", StringComparison.OrdinalIgnoreCase)
            && sql.Contains("FROM snapshot", StringComparison.OrdinalIgnoreCase))
        {
            _wakings.Add(name);
        }
    }

    private bool EndsStatement(string sql)
    {
        bool Is(string start) => sql.StartsWith(start, StringComparison.OrdinalIgnoreCase);
        if (Is("BEGIN"))
        {
            _explicit = true;
        }
        else if (Is("ROLLBACK"))
        {
            (_explicit, _pendingWrite) = (false, false);
        }
        else if (Is("COMMIT"))
        {
            _explicit = false;
            return _pendingWrite;
        }
        else if (Is("COPY journal"))
        {
            (_copying, _pendingWrite) = (true, true);
        }
        else if (Is("INSERT INTO journal"))
        {
            _pendingWrite = true;
            return !_explicit;
        }

        return false;
    }

    private static string Text(ReadOnlySpan<byte> head, int place)
    {
        for (; place > 0; place--)
        {
            var end = head.IndexOf((byte)0);
            if (end < 0)
            {
                return string.Empty;
            }

            head = head[(end + 1)..];
        }

        var length = head.IndexOf((byte)0);
        return Encoding.UTF8.GetString(length < 0 ? head : head[..length]);
    }

    // A value in binary form has its length before it.
    private void FindAccounts()
    {
        var bytes = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_row);
        for (var start = 0; bytes[start..].IndexOf(PersistenceIdPrefix) is >= 0 and var place;)
        {
            var at = start + place;
            start = at + PersistenceIdPrefix.Length;
            if (at >= 4
                && BinaryPrimitives.ReadInt32BigEndian(bytes[(at - 4)..]) is > 0 and <= 255 and var length
                && at + length <= bytes.Length)
            {
                watch.Written(Encoding.UTF8.GetString(bytes.Slice(at, length)));
            }
        }

        _row.Clear();
    }
}
