using System.Runtime.ExceptionServices;
using Ledger.Actors.Accounts;
using Ledger.Core;

namespace Ledger.Actors.Calls;

/// <summary>Waits for all parts of a call, so that nothing of it is under way when it is answered. Where some have
/// failed, the call fails with the first of them; that nothing was applied may be said only when it is true of every
/// part.</summary>
internal static class ManyCalls
{
    // The work of one call is not to fill the processors while others wait; the store commits as well as with more.
    private const int AtOnce = 32;

    /// <summary>Asks accounts, so many at a time.</summary>
    /// <param name="count">How many parts there are.</param>
    /// <param name="ask">Asks for the part of a place. An answer comes by the call's deadline.</param>
    /// <returns>The answers, in the order of the places.</returns>
    public static Task<AccountResponse>?[] Ask(int count, Func<int, Task<AccountResponse>> ask)
    {
        // Nobody waits on it with a handle, so there is nothing to be disposed of.
        var places = count > AtOnce ? new SemaphoreSlim(AtOnce) : null;
        var answers = new Task<AccountResponse>?[count];
        for (var i = 0; i < count; i++)
        {
            answers[i] = places is null ? ask(i) : AskAsync(places, ask, i);
        }

        return answers;
    }

    /// <summary>Waits for parts that throw.</summary>
    /// <param name="items">The parts.</param>
    /// <returns>Their results, in their order.</returns>
    /// <exception cref="LedgerException">One has failed.</exception>
    public static async Task<T[]> AllAsync<T>(Task<T>[] items)
    {
        Exception? thrown = null;
        LedgerException? failure = null;
        var allExpired = true;
        for (var i = 0; i < items.Length; i++)
        {
            try
            {
                await items[i];
                allExpired = false;
            }
            catch (LedgerException e)
            {
                failure ??= e;
                allExpired &= e.Reason == LedgerErrorReason.DeadlineExpired;
            }
            catch (Exception e)
            {
                thrown ??= e;
            }
        }

        if (thrown is not null)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }

        if (failure is not null)
        {
            throw CallFailures.IsRefused(failure.Reason) && !allExpired && items.Length > 1
                ? CallFailures.SomeUnknown()
                : failure;
        }

        return [.. items.Select(static item => item.Result)];
    }

    /// <summary>Waits for the answers of accounts.</summary>
    /// <param name="answers">The answers; null for what needs none.</param>
    /// <param name="take">Takes an answer, with its place. They come in the order of the places.</param>
    /// <exception cref="LedgerException">One has failed.</exception>
    public static async Task CollectAsync(Task<AccountResponse>?[] answers, Action<int, AccountResponse> take)
    {
        AccountResponse? failure = null;
        var allExpired = true;
        Exception? thrown = null;
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i] is not { } pending)
            {
                continue;
            }

            try
            {
                var answer = await pending;
                if (answer is RequestFailed or TimedOut)
                {
                    failure ??= answer;
                    allExpired &= answer is RequestFailed(RequestFailure.DeadlineExpired);
                }
                else
                {
                    allExpired = false;
                    take(i, answer);
                }
            }
            catch (Exception e)
            {
                thrown ??= e;
            }
        }

        if (thrown is not null)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }

        if (failure is not null)
        {
            throw failure is RequestFailed { Reason: var reason } && CallFailures.IsRefused(reason) && !allExpired
                ? CallFailures.SomeUnknown()
                : CallFailures.Of(failure);
        }
    }

    private static async Task<AccountResponse> AskAsync(
        SemaphoreSlim places, Func<int, Task<AccountResponse>> ask, int place)
    {
        await places.WaitAsync();
        try
        {
            return await ask(place);
        }
        finally
        {
            places.Release();
        }
    }
}
