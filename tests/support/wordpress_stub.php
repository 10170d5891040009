<?php
// A stub of WordPress: the functions that the plugin calls, as small as they can be and just as strict; then the call
// that was asked for. tests/browser/test_wordpress.py runs the plugin in a real one.
// php wordpress_stub.php '{"option": {…} | null, "admin": bool, "call": "igrajdanin_shortcode", "arguments": […]}'
error_reporting( E_ALL );
set_error_handler( function ( $number, $text, $file, $line ) { throw new ErrorException( $text, 0, $number, $file, $line ); } );

define( 'ABSPATH', __DIR__ );
$asked = json_decode( $argv[1], true );
$told  = array( 'enqueued' => array(), 'scripts' => array(), 'blocks' => array(), 'shortcodes' => array(), 'errors' => array(), 'deleted' => array() );
$hooks = array();

function add_action( $hook, $function ) { $GLOBALS['hooks'][ $hook ][] = $function; }
function add_filter( $hook, $function ) { $GLOBALS['hooks'][ $hook ][] = $function; }
function add_shortcode( $tag, $function ) { $GLOBALS['told']['shortcodes'][ $tag ] = $function; }
function get_option( $name, $default = false ) { return 'igrajdanin_widget' === $name && isset( $GLOBALS['asked']['option'] ) ? $GLOBALS['asked']['option'] : $default; }
function delete_option( $name ) { $GLOBALS['told']['deleted'][] = $name; }
function is_multisite() { return false; }
function current_user_can( $capability ) { return 'manage_options' === $capability && ! empty( $GLOBALS['asked']['admin'] ); }
function esc_attr( $text ) { return htmlspecialchars( $text, ENT_QUOTES, 'UTF-8' ); }
function esc_html( $text ) { return htmlspecialchars( $text, ENT_QUOTES, 'UTF-8' ); }
function esc_url( $url ) { return preg_match( '~^https?://~', $url ) ? str_replace( array( '"', "'", '<', '>' ), '', $url ) : ''; }
function esc_url_raw( $url ) { return esc_url( $url ); }
function __( $text ) { return $text; }
function esc_html__( $text ) { return esc_html( $text ); }
function esc_html_e( $text ) { echo esc_html( $text ); }
function get_admin_page_title() { return 'Problems of the city'; }
function settings_fields( $group ) {}
function submit_button() {}
function selected( $one, $other, $print ) { return $one === $other ? " selected='selected'" : ''; }
function get_bloginfo( $what ) { return 'version' === $what ? '6.8' : ''; }
function is_singular() { return isset( $GLOBALS['asked']['page'] ); }
function get_post() { return (object) array( 'post_content' => $GLOBALS['asked']['page'] ); }
function has_block( $name, $post ) { return false !== strpos( $post->post_content, "<!-- wp:$name " ); }
function has_shortcode( $text, $tag ) { return false !== strpos( $text, "[$tag" ); }
function wp_add_privacy_policy_content( $name, $text ) { $GLOBALS['told']['privacy'] = array( $name, $text ); }
function admin_url( $path ) { return 'https://gorod.test/wp-admin/' . $path; }
function home_url() { return 'https://gorod.test:8443/town'; }
function wp_parse_url( $url ) { return parse_url( $url ); }
function plugins_url( $path ) { return 'https://gorod.test/wp-content/plugins/igrajdanin-widget/' . $path; }
function plugin_basename( $file ) { return 'igrajdanin-widget/' . basename( $file ); }
function load_plugin_textdomain() {}
function wp_register_script( $handle, $address, $needs, $version, $footer = false ) { $GLOBALS['told']['scripts'][ $handle ] = array( $address, $version ); }
function wp_register_style( $handle, $address ) {}
function wp_localize_script( $handle, $name, $values ) { $GLOBALS['told']['texts'] = $values; }
function wp_enqueue_script( $handle ) { $GLOBALS['told']['enqueued'][] = $handle; }
function wp_enqueue_style( $handle ) { $GLOBALS['told']['enqueued'][] = $handle; }
function register_block_type( $folder, $more ) {
	$block = json_decode( file_get_contents( "$folder/block.json" ), true );
	$GLOBALS['told']['blocks'][ $block['name'] ] = $more['render_callback'];
}
function get_block_wrapper_attributes() { return 'class="wp-block-igrajdanin-widget"'; }
function add_settings_error( $setting, $code, $text ) { $GLOBALS['told']['errors'][] = $code; }

$plugin = dirname( __DIR__, 2 ) . '/embed_examples/wordpress/igrajdanin-widget';
if ( 'uninstall' === $asked['call'] ) {
	define( 'WP_UNINSTALL_PLUGIN', true );
	require "$plugin/uninstall.php";
} else {
	require "$plugin/igrajdanin-widget.php";
	foreach ( $hooks['init'] as $function ) {
		$function();
	}
	ob_start();
	$told['answer']  = call_user_func_array( $asked['call'], $asked['arguments'] ?? array() );
	$told['printed'] = ob_get_clean();
	$told['hooks']   = $hooks;
}
echo json_encode( $told, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES );
