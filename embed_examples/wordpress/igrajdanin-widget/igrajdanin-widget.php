<?php
/**
 * Plugin Name:       iGrajdanin Widget
 * Description:       Residents report city problems on your site and follow the answers: a block and a shortcode.
 * Version:           1.2.0
 * Requires at least: 5.8
 * Requires PHP:      7.4
 * License:           MIT
 * License URI:       https://opensource.org/license/mit
 * Text Domain:       igrajdanin-widget
 * Domain Path:       /languages
 *
 * @package igrajdanin-widget
 */

defined( 'ABSPATH' ) || exit;

const IGRAJDANIN_VERSION = '1.2.0';
const IGRAJDANIN_OPTION  = 'igrajdanin_widget';
const IGRAJDANIN_CHOICES = array(
	'type'  => array( 'extended', 'basic' ),
	'view'  => array( 'button', 'inline', 'figures' ),
	'theme' => array( 'auto', 'light', 'dark', 'contrast', 'contrast-black', 'contrast-blue' ),
);

require_once __DIR__ . '/settings.php';
require_once __DIR__ . '/privacy.php';

/**
 * What the settings page keeps: address of the service, key of the site, and the widget's attributes as the pasted code had
 * them. Empty strings where nothing is set.
 */
function igrajdanin_settings(): array {
	$empty = array_fill_keys( array( 'service', 'key', 'type', 'view', 'theme', 'category', 'lang' ), '' );
	return array_merge( $empty, (array) get_option( IGRAJDANIN_OPTION, array() ) );
}

/** Keep only values that the widget knows, and leave defaults out, so that the snippet is as short as the documented one. */
function igrajdanin_attributes( array $given ): array {
	$attributes = array();
	foreach ( IGRAJDANIN_CHOICES as $name => $values ) {
		$value = isset( $given[ $name ] ) ? (string) $given[ $name ] : '';
		if ( in_array( $value, $values, true ) && ( 'type' === $name || $value !== $values[0] ) ) {
			$attributes[ $name ] = $value;
		}
	}
	$code = '[a-z][a-z0-9_-]*';
	foreach ( array( 'category' => $code, 'collection' => "$code([ ,]+$code)*", 'lang' => $code ) as $name => $pattern ) {
		if ( ! empty( $given[ $name ] ) && preg_match( "/^$pattern\$/D", (string) $given[ $name ] ) ) {
			$attributes[ $name ] = (string) $given[ $name ];
		}
	}
	return $attributes;
}

/**
 * The snippet: what the block or the shortcode says, else what the settings say. The link inside is what visitors without
 * scripts use.
 */
function igrajdanin_html( array $given ): string {
	$settings = igrajdanin_settings();
	if ( '' === $settings['service'] || '' === $settings['key'] ) {
		return current_user_can( 'manage_options' )
			? sprintf(
				'<p><a href="%s">%s</a></p>',
				esc_url( admin_url( 'options-general.php?page=igrajdanin-widget' ) ),
				esc_html__( 'Enter the address of the service and the key of the site: until then visitors see nothing here.', 'igrajdanin-widget' )
			)
			: '';
	}
	wp_enqueue_script( 'igrajdanin-widget' );
	wp_enqueue_style( 'igrajdanin-widget' );
	$attributes = '';
	$chosen     = array_filter( $given, 'strlen' ) + array_filter( $settings, 'strlen' ) + array( 'type' => 'extended' );
	foreach ( array( 'site-key' => $settings['key'] ) + igrajdanin_attributes( $chosen ) as $name => $value ) {
		$attributes .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	return sprintf(
		'<igrajdanin-widget%s><a href="%s">%s</a></igrajdanin-widget>',
		$attributes,
		esc_url( $settings['service'] . '/s/' . rawurlencode( $settings['key'] ) . '/report' ),
		esc_html__( 'Report a problem', 'igrajdanin-widget' )
	);
}

/** The shortcode [igrajdanin type="basic" view="inline" theme="contrast" category="roads" lang="ru"]. */
function igrajdanin_shortcode( $given ): string {
	return igrajdanin_html( (array) $given );
}

function igrajdanin_block( array $given ): string {
	return sprintf( '<div %s>%s</div>', get_block_wrapper_attributes(), igrajdanin_html( $given ) );
}

/** The script is the service's own, without a version in its address: it looks for the newest 1.x by itself. */
function igrajdanin_register(): void {
	if ( version_compare( get_bloginfo( 'version' ), '6.8', '<' ) ) { // From 6.8 on WordPress reads the header «Domain Path».
		load_plugin_textdomain( 'igrajdanin-widget', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' ); // phpcs:ignore PluginCheck.CodeAnalysis.DiscouragedFunctions
	}
	wp_register_script( 'igrajdanin-widget', igrajdanin_settings()['service'] . '/w/1/loader.js', array(), null, false ); // phpcs:ignore WordPress.WP.EnqueuedResourceParameters.MissingVersion
	wp_register_style( 'igrajdanin-widget', plugins_url( 'widget.css', __FILE__ ), array(), IGRAJDANIN_VERSION );
	wp_register_script(
		'igrajdanin-widget-editor',
		plugins_url( 'block/editor.js', __FILE__ ),
		array( 'wp-blocks', 'wp-block-editor', 'wp-components', 'wp-element' ),
		IGRAJDANIN_VERSION,
		true
	);
	wp_localize_script( 'igrajdanin-widget-editor', 'igrajdaninEditor', igrajdanin_editor_texts() );
	register_block_type( __DIR__ . '/block', array( 'render_callback' => 'igrajdanin_block' ) );
	add_shortcode( 'igrajdanin', 'igrajdanin_shortcode' );
}
add_action( 'init', 'igrajdanin_register' );

function igrajdanin_editor_texts(): array {
	return array(
		'button'   => __( 'Report a problem', 'igrajdanin-widget' ),
		'settings' => __( 'Widget', 'igrajdanin-widget' ),
		'as_set'   => __( 'As in the settings of the plugin', 'igrajdanin-widget' ),
		'type'     => __( 'What it shows', 'igrajdanin-widget' ),
		'extended' => __( 'The form and the problems of the city', 'igrajdanin-widget' ),
		'basic'    => __( 'The form alone', 'igrajdanin-widget' ),
		'view'     => __( 'Where it opens', 'igrajdanin-widget' ),
		'dialog'   => __( 'A button that opens a window', 'igrajdanin-widget' ),
		'inline'   => __( 'In the page itself', 'igrajdanin-widget' ),
		'figures'  => __( 'The figures of the city alone', 'igrajdanin-widget' ),
		'theme'    => __( 'Colours of the widget', 'igrajdanin-widget' ),
		'themes'   => igrajdanin_themes(),
		'category' => __( 'Category chosen beforehand', 'igrajdanin-widget' ),
		'code'     => __( 'A code such as roads; empty: the resident chooses.', 'igrajdanin-widget' ),
		'lang'     => __( 'Language of the widget', 'igrajdanin-widget' ),
		'spoken'   => __( 'ru or en; empty: that of the page.', 'igrajdanin-widget' ),
	);
}

/** Whether the page that is asked for holds the block or the shortcode. */
function igrajdanin_is_shown(): bool {
	$post = is_singular() ? get_post() : null;
	return $post && ( has_block( 'igrajdanin/widget', $post ) || has_shortcode( $post->post_content, 'igrajdanin' ) );
}

/** A page that shows the widget keeps room for its button from the start, so that nothing moves when the script has loaded. */
function igrajdanin_styles(): void {
	if ( igrajdanin_is_shown() ) {
		wp_enqueue_style( 'igrajdanin-widget' );
	}
}
add_action( 'wp_enqueue_scripts', 'igrajdanin_styles' );

/**
 * The script stands at the end of the page: connect to the service while the page is still loading. Not by the filter
 * `wp_resource_hints`, which drops the port.
 */
function igrajdanin_preconnect(): void {
	$service = igrajdanin_settings()['service'];
	if ( '' !== $service && igrajdanin_is_shown() ) {
		printf( '<link rel="preconnect" href="%s">' . "\n", esc_url( $service ) );
	}
}
add_action( 'wp_head', 'igrajdanin_preconnect', 1 );

/** `async` in every WordPress: the argument for it came with 6.3 only. */
function igrajdanin_async( string $tag, string $handle ): string {
	return 'igrajdanin-widget' === $handle && ! preg_match( '/\sasync\b/', $tag ) ? str_replace( ' src=', ' async src=', $tag ) : $tag;
}
add_filter( 'script_loader_tag', 'igrajdanin_async', 10, 2 );

/** In the list of plugins, where people look for it. */
function igrajdanin_links( array $links ): array {
	$address = esc_url( admin_url( 'options-general.php?page=igrajdanin-widget' ) );
	array_unshift( $links, sprintf( '<a href="%s">%s</a>', $address, esc_html__( 'Settings', 'igrajdanin-widget' ) ) );
	return $links;
}
add_filter( 'plugin_action_links_' . plugin_basename( __FILE__ ), 'igrajdanin_links' );
