using System.Net;
using System.Net.Sockets;

namespace WeComFunc.Playground;

/// <summary>The way to the table, which can be shut: then whoever connects is refused, and the table keeps what it has.</summary>
internal sealed class TableGate : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<Socket> _connections = [];
    private readonly IPEndPoint _table;
    private readonly IPEndPoint _gate;
    private TcpListener? _listener;

    /// <summary>Opens a way, at a port of its own.</summary>
    /// <param name="table">Where the table is, on this machine.</param>
    public TableGate(Uri table)
    {
        _table = new(IPAddress.Loopback, table.Port);
        _gate = new(IPAddress.Loopback, 0);
        Open();
        _gate.Port = ((IPEndPoint)_listener!.LocalEndpoint).Port;
    }

    /// <summary>Where the table is for who goes this way.</summary>
    public string Address => $"http://{_gate}";

    public bool IsShut
    {
        get
        {
            lock (_lock)
            {
                return _listener is null;
            }
        }
    }

    /// <exception cref="SocketException">Somebody else has taken the port meanwhile.</exception>
    public void Open()
    {
        lock (_lock)
        {
            if (_listener is null)
            {
                var listener = new TcpListener(_gate);
                listener.Start();
                _listener = listener;
                _ = AcceptAsync(listener);
            }
        }
    }

    public void Shut()
    {
        lock (_lock)
        {
            _listener?.Dispose();
            _listener = null;
            foreach (var connection in _connections)
            {
                // Without a farewell: it is reset.
                connection.Close(0);
            }

            _connections.Clear();
        }
    }

    public void Dispose() => Shut();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = RelayAsync(await listener.AcceptSocketAsync());
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is shut.
        }
    }

    private async Task RelayAsync(Socket caller)
    {
        using var table = new Socket(SocketType.Stream, ProtocolType.Tcp);
        lock (_lock)
        {
            if (_listener is null)
            {
                caller.Close(0);
                return;
            }

            _connections.UnionWith([caller, table]);
        }

        try
        {
            await table.ConnectAsync(_table);
            await using NetworkStream near = new(caller), far = new(table);
            await Task.WhenAny(near.CopyToAsync(far), far.CopyToAsync(near));
        }
        catch (Exception exception) when (exception is SocketException or IOException or ObjectDisposedException)
        {
            // One of the two has gone.
        }
        finally
        {
            lock (_lock)
            {
                _connections.ExceptWith([caller, table]);
            }

            caller.Dispose();
        }
    }
}
